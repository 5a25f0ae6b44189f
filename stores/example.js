'use strict';

const fs = require('node:fs');
const path = require('node:path');

const source = path.join(__dirname, 'own', 'store.ts');
const page = path.join(__dirname, '..', 'docs', 'own-store.md');
const BLOCK = /(<!-- run: .* puts it here -->\n)```ts\n[^]*?```\n/;

/** Puts the tested source of the example store into its page. */
function writeExample() {
  const code = fs.readFileSync(source, 'utf8');
  const text = fs.readFileSync(page, 'utf8');
  if (!BLOCK.test(text)) throw new Error('docs/own-store.md has no place for the example');
  fs.writeFileSync(page, text.replace(BLOCK, (_, mark) => `${mark}\`\`\`ts\n${code}\`\`\`\n`));
}

module.exports = writeExample;
