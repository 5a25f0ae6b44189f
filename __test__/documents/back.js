'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const { blocks } = require('./blocks');
const { npm, fetched, tools, commands, succeed, load, loadBrought } = require('./installs');

const OWN_NAME = { dependencies: { 'express-session-rs': '^1.19.0' } };
const ALIAS = { dependencies: { 'express-session': 'npm:express-session-rs@^1.19.0' } };
const ORIGINAL = { dependencies: { 'express-session': '1.19.0' } };

/**
 * Where each way back begins, and with which tools. `json` and `yaml` are the marks of the blocks
 * of the same document that led there, beside a package that brings its own express-session.
 */
const ways = {
  'npm': { with: tools.npm, json: '' },
  // 11 as well, but that does not run on Node.js 20.
  'pnpm': { with: [fetched('pnpm@10'), fetched('pnpm@12')], manifest: ALIAS, yaml: '' },
  'pnpm 9': { with: tools.pnpm, json: 'pnpm' },
  'yarn': { with: tools.yarn, json: 'yarn' },
  'own name': { with: tools.npm, manifest: OWN_NAME },
  'types': { with: tools.npm, manifest: ORIGINAL },
};

/** Runs the commands of a block that is marked `back, WAY` in a project that came here. */
async function back({ file, text, mark }, folder, registry) {
  const way = ways[mark.slice('back, '.length)];
  assert.ok(way, `no way to run: ${mark}`);
  const forth = (language) => blocks(file).find((each) => each.language === language && each.mark === way[language]).text;
  const settings = way.yaml === undefined ? undefined : forth('yaml');
  const manifest = way.json === undefined ? way.manifest : JSON.parse(forth('json'));
  const isCovered = settings !== undefined || way.json !== undefined;
  const brought = isCovered && { 'brings-its-own': '1.0.0' };
  if (manifest === ORIGINAL) for (const name of ['@types/express-session', '@types/express']) registry.bringAll(name);

  for (const tool of way.with) {
    const project = fs.mkdtempSync(path.join(folder, 'project-'));
    const write = (name, content) => fs.writeFileSync(path.join(project, name), content);
    // pnpm 12 does not ask the variables of npm.
    write('.npmrc', `registry=${registry.url}\n`);
    write('package.json', JSON.stringify({
      name: 'app', version: '1.0.0', ...manifest, dependencies: { ...manifest.dependencies, ...brought },
    }));
    if (settings) write('pnpm-workspace.yaml', settings);
    await succeed(tool(project, registry));
    if (isCovered) {
      await load('express-session', project);
      await loadBrought(project);
    }

    // By hand, as the document says.
    if (settings) write('pnpm-workspace.yaml', settings.replace(/^ +express-session: npm:.*\n/m, ''));
    for (const line of commands(text)) {
      const [command, ...words] = line.split(/ +/);
      assert.match(command, /^(npm|pnpm|yarn)$/);
      await succeed(command === 'npm' ? npm(words, project, registry) : tool(project, registry, words));
    }
    assert.equal(originalOf(project), '1.19.0');
    // What another package brings is the original again, in the version that it asks for.
    if (isCovered) assert.equal(originalOf(path.join(project, 'node_modules', 'brings-its-own')), '1.18.2');
    if (manifest === ORIGINAL) assert.ok(fs.existsSync(path.join(project, 'node_modules', '@types', 'express-session', 'index.d.ts')));
  }
}

/** The version of `express-session` that is loaded from a folder, which must be the original. */
function originalOf(folder) {
  const { name, version } = createRequire(path.join(fs.realpathSync(folder), 'package.json'))('express-session/package.json');
  assert.equal(name, 'express-session');
  return version;
}

module.exports = back;
