'use strict';

// Not in check: it takes long.

/** A disk that is full, and files that cannot be read or written: errors, and never the end. */

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { isOurs } = require('../subject');
const { APP, Guest, newFile, startApp } = require('./apps');
const { find } = require('../../test-kit/installed');
const { Program, run } = require('../../test-kit/program');

const skip = !isOurs && 'the original has no DiskStore';
const isRoot = process.getuid?.() === 0;

/** Ms after which something that has not come does not come. */
const LONGEST = 20_000;
/** Bytes of a session. */
const SIZE = 3000;

const root = path.join(__dirname, '..', '..');

/** With it, a change that fails is an error page: otherwise the headers are sent by then. */
const env = { COMMIT: 'headers' };

/** Logs in until an app refuses it. Returns those who were logged in. */
async function crowd(app, most) {
  const guests = [];
  for (let user = 0; user < most; user++) {
    const guest = new Guest(app.port);
    const said = await guest.at(app, `/login?user=guest-${user}`);
    const filled = said.startsWith('500') ? said : await guest.at(app, `/fill?size=${SIZE}`);
    if (filled !== 'filled') return { guests, refusal: filled };
    guests.push(guest);
  }
  return { guests };
}

async function allSee(guests, app) {
  for (const [user, guest] of guests.entries()) assert.equal(await guest.at(app, '/'), `guest-${user} 0`);
}

async function eventually(attempt) {
  const end = Date.now() + LONGEST;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await wait(50);
    }
  }
}

/** Two apps on a full disk: refused is what cannot be written, and only as long as that is so. */
async function fillsUp(apps, file, makeRoom) {
  const { guests, refusal } = await crowd(apps[0], 20_000);
  assert.ok(refusal, 'it was never full');
  assert.match(refusal, /^500 DiskStore: /);
  assert.ok(refusal.includes(file), refusal);
  assert.ok(guests.length > 100, `only ${guests.length} came in`);
  for (const app of apps) await allSee(guests, app);
  await makeRoom();
  for (const app of apps) {
    // A request that was refused may be answered now, and all that was there still is.
    await eventually(async () => {
      const guest = new Guest(app.port);
      assert.equal(await guest.at(app, '/login?user=late'), 'late 0');
      assert.equal(await guest.at(app, `/fill?size=${SIZE}`), 'filled');
      assert.equal(await guest.at(app, '/write?n=1'), 'late 1');
    });
    await allSee(guests, app);
  }
  assert.equal(await guests[0].at(apps[1], '/logout'), 'bye');
  assert.equal(await guests[0].at(apps[0], '/'), 'nobody');
  for (const app of apps) assert.equal(app.child.exitCode ?? app.child.signalCode, null, app.printed);
}

for (const durability of ['process', 'machine']) {
  test(`a full disk: durability ${durability}`, {
    skip: skip || (!(isRoot && process.platform === 'linux') && 'only root can mount a small disk'),
  }, async (t) => {
    const folder = path.dirname(newFile(t));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder], { stdio: 'pipe' });
    } catch (error) {
      t.skip(`no disk can be mounted here: ${error.stderr}`);
      return;
    }
    const apps = [];
    try {
      const file = path.join(folder, 'sessions.db');
      fs.writeFileSync(path.join(folder, 'filler'), Buffer.alloc(2 ** 21));
      for (let n = 0; n < 2; n++) apps.push(await startApp(t, file, { options: { durability }, env }));
      await fillsUp(apps, file, () => { fs.unlinkSync(path.join(folder, 'filler')); });
    } finally {
      await Promise.all(apps.map((app) => app.stop()));
      execFileSync('umount', [folder]);
    }
  });
}

test('a file that may not grow: ulimit -f', {
  skip: skip || ((process.platform !== 'linux' || !find('prlimit')) && 'prlimit, of util-linux, was not found'),
}, async (t) => {
  const file = newFile(t);
  const limited = ['-c', 'ulimit -S -f 8192; exec "$0" "$@"', process.execPath, APP];
  const apps = [await startApp(t, file, { program: 'sh', args: limited, env }), await startApp(t, file, { env })];
  await fillsUp(apps, file, () => { execFileSync('prlimit', ['--pid', String(apps[0].pid), '--fsize=unlimited:unlimited']); });
});

/** What a process says that opens a file: whether it could, and its warnings. */
async function opens(file, options = {}, settings = {}) {
  const { status, signal, stdout, stderr } = await run(process.execPath, ['--no-warnings', '-e', `
    process.on('warning', ({ code, message }) => { console.log('warned', code, message); });
    const { DiskStore } = require(process.argv[1]);
    try {
      const store = new DiskStore({ path: process.argv[2], ...JSON.parse(process.argv[3]) });
      store.ids().then((ids) => { console.log('opened', ids.length); }, (error) => { console.log('refused', error.message); });
    } catch (error) {
      console.log('refused', error.name, error.message);
    }
  `, root, file, JSON.stringify(options)], settings);
  assert.deepEqual([status, signal], [0, null], stderr);
  return stdout.trim();
}

/** Root may write everywhere: somebody else may not. */
const NOBODY = 65534;

test('what may not be written is an Error that names the file and says what to do', {
  skip: skip || (process.platform === 'win32' && 'rights are other ones there'),
}, async (t) => {
  const folder = path.dirname(newFile(t));
  // As nobody, who then must be able to come there.
  const settings = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const file = path.join(folder, 'closed', 'sessions.db');
  fs.chmodSync(folder, 0o755);
  fs.mkdirSync(path.dirname(file), { mode: 0o555 });
  fs.chmodSync(path.dirname(file), 0o555);
  try {
    const refused = /^refused Error DiskStore: .*Give the user that runs this process the right to write/;
    const below = path.join(path.dirname(file), 'below', 'sessions.db');
    for (const missing of [file, below]) {
      const said = await opens(missing, {}, settings);
      assert.match(said, refused);
      assert.ok(said.includes(missing), said);
    }
    fs.chmodSync(path.dirname(file), 0o755);
    assert.equal(await opens(file), 'opened 0');
    fs.chmodSync(file, 0o444);
    if (isRoot) fs.chownSync(file, NOBODY, NOBODY);
    for (const mode of [0o555, 0o755]) {
      fs.chmodSync(path.dirname(file), mode);
      const said = await opens(file, {}, settings);
      assert.match(said, refused);
      assert.ok(said.includes(file), said);
    }
    assert.match(await opens(file, { onDamage: 'fresh' }, settings), refused, 'it is not damaged');
  } finally {
    fs.chmodSync(path.dirname(file), 0o755);
  }
});

/** Files that are no sessions, or none any more, by what they are. */
const damages = {
  'a text': (file) => { fs.writeFileSync(file, 'these are no sessions\n'.repeat(1000)); },
  'zeros': (file) => { fs.writeFileSync(file, Buffer.alloc(20_000)); },
  'noise behind a good first page': (file) => { noise(file, 4096); },
  'a file that is cut off': (file) => { fs.truncateSync(file, 6000); },
};

/** Overwrites a file from a place on. */
function noise(file, from) {
  const fd = fs.openSync(file, 'r+');
  const { size } = fs.fstatSync(fd);
  const bytes = Buffer.from(Array.from({ length: Math.max(size - from, 0) }, (_, at) => (at * 7919 + 13) % 251));
  fs.writeSync(fd, bytes, 0, bytes.length, from);
  fs.closeSync(fd);
}

for (const [name, damage] of Object.entries(damages)) {
  test(`a damaged file is an error, or is put aside: ${name}`, { skip }, async (t) => {
    const file = newFile(t);
    const app = await startApp(t, file);
    await crowd(app, 100);
    await app.stop('SIGTERM');
    // The log goes into the file.
    assert.equal(await opens(file), 'opened 100');
    damage(file);
    const said = await opens(file);
    assert.match(said, /^refused .*DiskStore: .*damaged/);
    assert.ok(said.includes(file), said);
    // Of several that start at once, one puts it aside.
    let told = await Promise.all(Array.from({ length: 5 }, () => opens(file, { onDamage: 'fresh' })));
    const aside = () => fs.readdirSync(path.dirname(file)).filter((each) => /^sessions\.db\.damaged-[\dT.Z-]+$/.test(each));
    // Damage in a page that is not read at the start is found when that is read, and mended at the next start.
    if (aside().length === 0) told = await Promise.all(Array.from({ length: 5 }, () => opens(file, { onDamage: 'fresh' })));
    assert.equal(aside().length, 1, `${fs.readdirSync(path.dirname(file))}\n${told.join('\n')}`);
    const warned = told.filter((each) => /^warned EXPRESS_SESSION_DISK /m.test(each));
    assert.equal(warned.length, 1, told.join('\n'));
    assert.ok(warned[0].includes(file) && warned[0].includes(aside()[0]), warned[0]);
    assert.ok(told.every((each) => /^opened 0$/m.test(each)), told.join('\n'));
    const again = await startApp(t, file, { options: { onDamage: 'fresh' } });
    const { guests } = await crowd(again, 5);
    await allSee(guests, again);
    assert.equal(aside().length, 1);
  });
}

test('an app whose file is damaged while it runs answers with errors, and lives', { skip }, async (t) => {
  const file = newFile(t);
  // More than the cache of a connection holds.
  const before = await startApp(t, file);
  const { guests } = await crowd(before, 1200);
  await before.stop('SIGTERM');
  assert.equal(await opens(file), 'opened 1200');
  const app = await startApp(t, file, { env });
  noise(file, 8192);
  const said = [];
  for (const guest of guests.slice(0, 50)) said.push(await guest.at(app, '/'), await guest.at(app, '/write?n=1'));
  const errors = said.filter((each) => each.startsWith('500'));
  assert.ok(errors.length > 10, `${errors.length} errors`);
  for (const error of errors) assert.ok(/^500 DiskStore: .*damaged/.test(error) && error.includes(file), error);
  assert.equal(app.child.exitCode ?? app.child.signalCode, null, app.printed);
  // Who restarts it as told has an app again.
  await app.stop('SIGTERM');
  assert.match(await opens(file), /damaged/);
  const fresh = await startApp(t, file, { options: { onDamage: 'fresh' } });
  assert.equal(await guests[0].at(fresh, '/'), 'nobody');
  assert.equal(await guests[0].at(fresh, '/login?user=0'), '0 0');
});

test('an app that finds a damaged file at its start says so, and ends', { skip }, async (t) => {
  const file = newFile(t);
  fs.writeFileSync(file, 'no database at all\n'.repeat(300));
  const app = new Program(process.execPath, [APP], { env: { FILE: file } });
  assert.match(await app.ended, /ended with status 1/);
  assert.ok(app.stderr.includes(`Error: DiskStore: ${file} is damaged`), app.stderr);
});
