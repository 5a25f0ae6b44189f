'use strict';

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

/**
 * Every fenced code block of a document. An HTML comment `<!-- run: WORDS -->` in the
 * line before a block, which GitHub does not show, says how it is run.
 *
 * @param {string} file from the root of the repository
 * @returns {Array<{ file: string, line: number, language: string, mark: string, text: string }>}
 * @throws {Error} for a fence that is not closed: what follows it would not be run;
 *   or if there is no block at all
 */
function blocks(file) {
  const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
  const found = [];
  let open;
  lines.forEach((line, i) => {
    const fence = /^ *(`{3,}|~{3,})(.*)$/.exec(line);
    if (!fence) {
      if (open) open.text += `${line}\n`;
    } else if (open) {
      found.push(open);
      open = undefined;
    } else {
      const [, mark = ''] = /^ *<!-- run: (.*) -->$/.exec(lines[i - 1] ?? '') ?? [];
      open = { file, line: i + 1, language: fence[2].trim(), mark, text: '' };
    }
  });
  if (open) throw new Error(`${file}:${open.line}: the block has no end`);
  if (found.length === 0) throw new Error(`${file}: no code block was found`);
  return found;
}

module.exports = { blocks, root };
