'use strict';

/** Several processes that share a file, over HTTP. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { isOurs } = require('../subject');
const { APP, Guest, newFile, startApp } = require('./apps');
const { ask } = require('../../test-kit/client');
const { freePort } = require('../../test-kit/port');
const { Program } = require('../../test-kit/program');

const skip = !isOurs && 'the original has no DiskStore';

/** Ms after which something that has not come does not come. */
const LONGEST = 20_000;

const modes = { 'process': {}, 'machine': { durability: 'machine' } };

for (const [name, options] of Object.entries(modes)) {
  test(`what one process has answered the other one knows: durability ${name}`, { skip }, async (t) => {
    const file = newFile(t);
    const [one, two] = await Promise.all([startApp(t, file, { options }), startApp(t, file, { options })]);
    const guest = new Guest(one.port);
    for (let n = 1; n <= 20; n++) {
      assert.equal(await guest.at(one, '/login?user=ann'), 'ann 0');
      assert.equal(await guest.at(two, '/'), 'ann 0');
      assert.equal(await guest.at(two, `/write?n=${n}`), `ann ${n}`);
      assert.equal(await guest.at(one, '/'), `ann ${n}`);
      assert.equal(await guest.at(one, '/logout'), 'bye');
      assert.equal(await guest.at(two, '/'), 'nobody');
    }
    assert.equal(await guest.at(one, '/all'), '[]');
  });
}

test('many visitors at once, each from one process to the other', { skip }, async (t) => {
  const file = newFile(t);
  const apps = await Promise.all([startApp(t, file), startApp(t, file)]);
  const visit = async (user) => {
    const guest = new Guest(apps[0].port);
    const at = (n) => apps[(user + n) % 2];
    assert.equal(await guest.at(at(0), `/login?user=${user}`), `${user} 0`);
    for (let n = 1; n <= 10; n++) {
      assert.equal(await guest.at(at(n), `/write?n=${n}`), `${user} ${n}`);
      assert.equal(await guest.at(at(n + 1), '/'), `${user} ${n}`);
    }
    assert.equal(await guest.at(at(1), '/logout'), 'bye');
    assert.equal(await guest.at(at(0), '/'), 'nobody');
  };
  await Promise.all(Array.from({ length: 40 }, (_, user) => visit(user)));
});

test('logged out stays logged out: a slow request of one process, the logout in the other', { skip }, async (t) => {
  const file = newFile(t);
  const [one, two] = await Promise.all([startApp(t, file), startApp(t, file)]);
  for (const [slow, logout] of [[one, two], [one, one]]) {
    const guest = new Guest(one.port);
    await guest.at(one, '/login?user=ann');
    const { header } = guest.jar;
    let isLoaded;
    const loaded = new Promise((resolve) => { isLoaded = resolve; });
    const answer = ask(slow.port, '/slow?ms=300', { headers: { cookie: header }, onResponse: isLoaded });
    await loaded;
    assert.equal(await guest.at(logout, '/logout'), 'bye');
    assert.equal((await answer).body, 'slow');
    for (const app of [one, two]) {
      assert.equal((await ask(app.port, '/', { headers: { cookie: header } })).body, 'nobody');
    }
  }
  assert.equal((await ask(one.port, '/all')).body, '[]');
});

test('processes that start at the same moment on a missing file in a missing folder', { skip }, async (t) => {
  for (let round = 0; round < 3; round++) {
    const file = path.join(path.dirname(newFile(t)), 'new', 'folder', 'sessions.db');
    const apps = await Promise.all(Array.from({ length: 4 }, () => startApp(t, file)));
    const guest = new Guest(apps[0].port);
    await guest.at(apps[0], '/login?user=ann');
    for (const app of apps) assert.equal(await guest.at(app, '/'), 'ann 0');
    if (process.platform !== 'win32') {
      assert.equal(fs.statSync(file).mode & 0o777, 0o600);
      assert.equal(fs.statSync(path.dirname(file)).mode & 0o777, 0o700);
    }
    await Promise.all(apps.map((app) => app.stop()));
  }
});

const ends = { exit: 'exit', throw: 'an error that nobody catches', reject: 'a rejection that nobody handles', term: 'SIGTERM', kill: 'SIGKILL' };

for (const [page, name] of Object.entries(ends)) {
  test(`a process that ends right after a response, by ${name}, loses nothing`, { skip }, async (t) => {
    const file = newFile(t);
    const witness = await startApp(t, file);
    for (let round = 0; round < 3; round++) {
      const app = await startApp(t, file);
      const guest = new Guest(app.port);
      await guest.at(app, '/login?user=ann');
      assert.equal(await guest.at(app, `/${page}`), 'ok');
      await app.ended;
      assert.equal(await guest.at(witness, '/'), `ann ${page}`);
      const left = JSON.parse(await guest.at(witness, '/all')).filter((sid) => sid.startsWith('left'));
      // Of what nobody was told, a signal may take everything.
      if (!['term', 'kill'].includes(page)) assert.deepEqual(left, ['left 1', 'left 2', 'left 3']);
    }
  });
}

test('the workers of a cluster share the sessions, also those that come later', { skip }, async (t) => {
  const file = newFile(t);
  const primary = await startApp(t, file, { args: [path.join(__dirname, 'cluster.js')] });
  const visit = async (guest, page) => {
    const { headers, body } = await guest.get(page);
    pids.add(headers['x-pid']);
    return body;
  };
  const pids = new Set();
  const guests = Array.from({ length: 5 }, () => new Guest(primary.port));
  for (const [user, guest] of guests.entries()) assert.equal(await visit(guest, `/login?user=${user}`), `${user} 0`);
  for (let n = 1; n <= 10; n++) {
    await Promise.all(guests.map(async (guest, user) => { assert.equal(await visit(guest, `/write?n=${n}`), `${user} ${n}`); }));
  }
  assert.ok(pids.size >= 3, `only ${pids.size} workers`);
  const before = new Set(pids);
  pids.clear();
  // All workers are killed, one after the other, and others take their places.
  await primary.ask('replace');
  for (let n = 0; n < 4; n++) {
    for (const [user, guest] of guests.entries()) assert.equal(await visit(guest, '/'), `${user} 10`);
  }
  assert.ok([...pids].every((pid) => !before.has(pid)), 'they are new ones');
});

test('a process and its fork share the sessions', { skip }, async (t) => {
  const file = newFile(t);
  const parent = await startApp(t, file, { args: [path.join(__dirname, 'fork.js')] });
  const child = { port: (await parent.ask('fork')).port };
  const guest = new Guest(parent.port);
  assert.equal(await guest.at(parent, '/login?user=ann'), 'ann 0');
  assert.equal(await guest.at(child, '/write?n=1'), 'ann 1');
  assert.equal(await guest.at(parent, '/write?n=2'), 'ann 2');
  // The child's end takes no lock and no file from its parent.
  await parent.ask('end');
  assert.equal(await guest.at(parent, '/write?n=3'), 'ann 3');
  const other = await startApp(t, file);
  assert.equal(await guest.at(other, '/write?n=4'), 'ann 4');
  assert.equal(await guest.at(parent, '/'), 'ann 4');
});

const [major, minor] = process.versions.node.split('.').map(Number);

test('node --watch: a visitor stays logged in, however often the app restarts', {
  skip: skip || ((major < 18 || (major === 18 && minor < 19)) && 'this Node.js cannot watch reliably'),
}, async (t) => {
  const file = newFile(t);
  const main = path.join(path.dirname(file), 'main.js');
  const port = await freePort();
  const save = (n) => { fs.writeFileSync(main, `/* version ${n} */ require(${JSON.stringify(APP)}); console.log('started ${n}');\n`); };
  save(0);
  const watcher = new Program(process.execPath, ['--watch', main], { env: { FILE: file, PORT: String(port) }, endedBy: 'SIGKILL' });
  t.after(() => watcher.stop());
  const guest = new Guest(port);
  await watcher.prints(/started 0/);
  await watcher.listening(port);
  assert.equal(await guest.at({ port }, '/login?user=ann'), 'ann 0');
  for (let n = 1; n <= 3; n++) {
    save(n);
    await watcher.prints(new RegExp(`started ${n}`));
    assert.equal(await eventually(() => guest.at({ port }, '/')), `ann ${n - 1}`);
    assert.equal(await guest.at({ port }, `/write?n=${n}`), `ann ${n}`);
  }
});

/** What an attempt gives that may fail for a while. */
async function eventually(attempt) {
  const end = Date.now() + LONGEST;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await wait(20);
    }
  }
}
