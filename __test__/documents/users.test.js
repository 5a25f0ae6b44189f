'use strict';

/**
 * docs/users.md: each of its code blocks runs, and its tables have the options and methods of users.
 * frameworks.test.js has its way into express-openid-connect.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { blocks, root } = require('./blocks');
const javascript = require('./javascript');
const { session } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const DOCUMENT = 'docs/users.md';
const OPENID = 'with express-openid-connect';
const COMMAND = path.join(root, 'bin', 'express-session-rs.js');

const text = fs.readFileSync(path.join(root, DOCUMENT), 'utf8');
const user = (data) => data.user;

const runners = {
  js: (block, t) => javascript(block, temporaryFolder('users', t)),
  /** An entry of the list, as `sessionsOf` gives it. */
  async json(block) {
    const [shown, ...more] = JSON.parse(block.text);
    const store = new session.MemoryStore({ user });
    const _meta = { created: 1893456000000 - 2e11, renewed: 0, seen: 0, ip: shown.ip, agent: shown.userAgent };
    await new Promise((resolve) => { store.set('sid', { cookie: new session.Cookie(), user: 'ada', _meta }, resolve); });
    const [given] = await store.sessionsOf('ada', { current: { id: 'sid' } });
    assert.deepEqual(more, []);
    assert.deepEqual(Object.keys(shown), Object.keys(given));
    for (const name of ['current', 'ip', 'userAgent']) assert.equal(given[name], shown[name]);
    assert.equal(shown.handle.length, given.handle.length);
  },
  async sh(block) {
    const commands = block.text.trim().split('\n').map((line) => line.split(' '));
    const printed = await Promise.all(commands.map(([npx, name, ...args]) => {
      assert.deepEqual([npx, name], ['npx', 'express-session-rs']);
      return run(process.execPath, [COMMAND, ...args]);
    }));
    assert.deepEqual(printed.map(({ status, stderr }) => [status, stderr]), [[0, ''], [0, '']]);
    assert.match(printed[0].stdout, /^CREATE INDEX CONCURRENTLY .*\n +ON "session" /m);
    assert.match(printed[1].stdout, /^CREATE INDEX IF .*\n +ON "my_schema"."my_sessions" /m);
  },
};

for (const block of blocks(DOCUMENT).filter(({ mark }) => mark !== OPENID)) {
  test(`line ${block.line}: ${block.language} ${block.mark}`, (t) => runners[block.language](block, t));
}

test('it has the options and the methods of a store that knows its users', () => {
  const [, section] = /\n## Options and methods\n([^]+?)\n## /.exec(text);
  const options = Array.from(section.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name);
  for (const name of options) assert.throws(() => new session.MemoryStore({ user, [name]: 'wrong' }), new RegExp(`${name} option`));
  const methods = Array.from(section.matchAll(/^\| `(\w+)\(/gm), ([, name]) => name);
  const store = new session.MemoryStore({ user });
  // A save must see that a session has ended, so such a store has `setIfPresent`, too.
  assert.deepEqual([...methods, 'setIfPresent'].sort(), Object.getOwnPropertyNames(store).filter((name) => typeof store[name] === 'function').sort());
});
