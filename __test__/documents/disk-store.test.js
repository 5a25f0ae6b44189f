'use strict';

/**
 * docs/disk-store.md: each of its code blocks runs, its tables are complete, and the example of the
 * README keeps its visitors on a DiskStore while somebody changes the program.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const yaml = require('js-yaml');

const { blocks, root } = require('./blocks');
const javascript = require('./javascript');
const { session } = require('../subject');
const { ask } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { needs } = require('../../test-kit/installed');
const { Jar } = require('../../test-kit/jar');
const { freePort } = require('../../test-kit/port');
const { Program, run } = require('../../test-kit/program');

const DOCUMENT = 'docs/disk-store.md';
const COMMAND = path.join(root, 'bin', 'express-session-rs.js');

const text = fs.readFileSync(path.join(root, DOCUMENT), 'utf8');

/** A folder with the file `sessions.db`, which this process has open, and in which ada has a session. */
async function folderInUse(t) {
  const folder = temporaryFolder('disk-store', t);
  const store = new session.DiskStore({ path: path.join(folder, 'sessions.db') });
  t.after(() => store.close());
  for (const user of ['ada', 'grace']) {
    const data = { cookie: new session.Cookie({ maxAge: 60000 }), user };
    await new Promise((resolve, reject) => { store.set(`sid-of-${user}`, data, (error) => (error ? reject(error) : resolve())); });
  }
  return folder;
}

/** Runs a line of a block, in which npx stands for what it would find. */
async function line(folder, command) {
  const [name, ...args] = command.startsWith('npx express-session-rs ')
    ? [process.execPath, COMMAND, ...command.split(' ').slice(2)]
    : words(command);
  const { status, stdout, stderr } = await run(name, args, { cwd: folder });
  assert.deepEqual([status, stderr], [0, ''], command);
  return stdout;
}

/** The words of a command, of which some are in double quotes. */
function words(command) {
  return Array.from(command.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g), ([, quoted, plain]) => plain ?? quoted.replace(/\\(.)/g, '$1'));
}

const runners = {
  js: (block, t) => javascript(block, temporaryFolder('disk-store', t)),
  async sh(block, t) {
    const folder = await folderInUse(t);
    const printed = [];
    for (const command of block.text.trim().split('\n')) printed.push(await line(folder, command));
    if (block.mark !== 'sqlite3') return;
    assert.match(printed[0], /^sid-of-ada\|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|\{"user":"ada"\}\n/m);
    assert.equal(printed[1], '1\n');
    const [, columns] = /CREATE TABLE sessions\(([^;]+)\)/.exec(printed[2]);
    const told = Array.from(text.matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm), ([, name]) => name);
    const table = told.slice(told.indexOf('sid'), told.indexOf('data') + 1);
    assert.equal(table.length, 5);
    for (const name of table) assert.match(columns, new RegExp(`\\b${name} `));
  },
  yaml(block) {
    const { dbs: [{ path: file, replica }] } = yaml.load(block.text);
    assert.ok(path.isAbsolute(file) && path.isAbsolute(replica.path));
  },
};

for (const block of blocks(DOCUMENT)) {
  const skip = block.mark === 'sqlite3' ? needs('sqlite3') : false;
  test(`line ${block.line}: ${block.language} ${block.mark}`, { skip }, (t) => runners[block.language](block, t));
}

test('its table of options has those that DiskStore knows', () => {
  const [, section] = /\n## Options\n([^]+?)\n## /.exec(text);
  const told = Array.from(section.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name);
  assert.throws(() => new session.DiskStore({ unknown: 1 }), ({ message }) => {
    assert.deepEqual(message.split('which has ')[1].split(', ').sort(), told.sort());
    return true;
  });
});

test('its table of methods has those of DiskStore, and those of users', async (t) => {
  const [, section] = /\n## Methods\n([^]+?)\n## /.exec(text);
  const told = Array.from(section.matchAll(/^\| (`.+?`) \| /gm), ([, names]) => names.match(/\w+(?=\(|`)/g)).flat();
  const store = new session.DiskStore({ path: path.join(temporaryFolder('disk-store', t), 'sessions.db'), user: () => undefined });
  const own = Object.getOwnPropertyNames(store).filter((name) => typeof store[name] === 'function');
  await store.close();
  assert.deepEqual(told.sort(), [...Object.keys(session.DiskStore.prototype), ...own].sort());
});

test('the example of the README on a DiskStore, under node --watch', async (t) => {
  const { text: example } = blocks('README.md').find(({ mark }) => mark === 'a server');
  const folder = temporaryFolder('newcomer', t);
  const modules = path.join(folder, 'node_modules');
  const file = path.join(folder, 'app.js');
  const port = await freePort();
  const write = (greeting) => {
    fs.writeFileSync(file, example
      .replace('resave: false,', "resave: false,\n  store: new session.DiskStore({ path: './sessions.db' }),")
      .replace('Visit number', greeting)
      .replace('app.listen(3000', `app.listen(${port}`)
      .replace(/console\.log\(.*\)/, "console.log('It listens.')"));
  };
  fs.mkdirSync(modules);
  fs.symlinkSync(root, path.join(modules, 'express-session-rs'), 'junction');
  fs.symlinkSync(path.join(root, 'node_modules', 'express'), path.join(modules, 'express'), 'junction');
  write('Visit number');

  const program = new Program(process.execPath, ['--watch', 'app.js'], { cwd: folder, env: { SECRET: 'of the newcomer' } });
  t.after(() => program.stop());
  const jar = new Jar();
  const visit = async () => (await ask(port, '/', { jar })).body;

  await program.prints(/It listens\./);
  assert.equal(await visit(), 'Visit number 1');
  assert.equal(await visit(), 'Visit number 2');
  write('This is visit');
  await program.prints(/It listens\.[^]*It listens\./);
  assert.equal(await visit(), 'This is visit 3');
  // Nothing but the change of the program has restarted it.
  assert.equal(program.stdout.match(/It listens\./g).length, 2);
});
