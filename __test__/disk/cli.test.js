'use strict';

/** `express-session-rs ls`, `check` and `copy`, over a file to which another process writes. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');

const progress = require('../../bin/progress');
const { session } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');
const { Program, run } = require('../../test-kit/program');

const COMMAND = path.join(__dirname, '..', '..', 'bin', 'express-session-rs.js');

/** The bytes of a page of the file. */
const PAGE = 4096;

/** Runs the command in a folder. */
const command = (folder, ...args) => run(process.execPath, [COMMAND, ...args], { cwd: folder });

/** Runs it where it must fail: with one message, and without a stack. */
async function fails(folder, ...args) {
  const { status, stdout, stderr } = await command(folder, ...args);
  assert.deepEqual([status, stdout], [1, ''], stderr);
  assert.match(stderr, /^express-session-rs: /);
  assert.doesNotMatch(stderr, /^ +at /m);
  return stderr;
}

/** A folder in which a process writes to the file `sessions.db`. */
async function writing(t) {
  const folder = temporaryFolder('cli', t);
  const file = path.join(folder, 'sessions.db');
  const writer = new Program(process.execPath, [path.join(__dirname, 'cli-writer.js'), file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  t.after(() => writer.stop());
  while (await writer.ask('count') < 100) await pause(10);
  return { folder, file, writer, count: () => writer.ask('count') };
}

test('ls tells how many sessions there are, and none of their sids', async (t) => {
  const { folder, count } = await writing(t);
  const least = await count();
  const { status, stdout, stderr } = await command(folder, 'ls', '--json', 'sessions.db');
  const most = await count();
  assert.deepEqual([status, stderr], [0, '']);
  const { sessions, bytes, oldest, nextExpiry, ...rest } = JSON.parse(stdout);
  assert.deepEqual(rest, { path: 'sessions.db', expired: 1 });
  assert.ok(least <= sessions && sessions <= most + 1, `${sessions} of ${least} to ${most}`);
  assert.ok(bytes > sessions * 300 && bytes % PAGE === 0, String(bytes));
  assert.ok(Math.abs(Date.parse(oldest) - Date.now()) < 60000, oldest);
  assert.ok(Math.abs(Date.parse(nextExpiry) - Date.now() - 3600000) < 60000, nextExpiry);

  const shown = await command(folder, 'ls', 'sessions.db');
  assert.deepEqual([shown.status, shown.stderr], [0, '']);
  assert.match(shown.stdout, /^sessions\.db\nsessions {5}\d+, and 1 that have expired and are not removed yet\nbytes {8}\d+\noldest {7}\S+Z\nnext expiry {2}\S+Z\n$/);
  assert.doesNotMatch(stdout + shown.stdout, /sid-of/);
});

test('ls of an empty store', async (t) => {
  const folder = temporaryFolder('cli', t);
  await new session.DiskStore({ path: path.join(folder, 'empty.db') }).close();
  const { stdout } = await command(folder, 'ls', 'empty.db');
  assert.match(stdout, /^empty\.db\nsessions {5}0\nbytes {8}\d+\noldest {7}none\nnext expiry {2}none\n$/);
});

test('check says that a file is whole to which somebody writes', async (t) => {
  const { folder } = await writing(t);
  assert.deepEqual(await command(folder, 'check', 'sessions.db'), { status: 0, signal: null, stdout: 'sessions.db is whole.\n', stderr: '' });
});

test('copy makes a file of its own, with all that was stored before', async (t) => {
  const { folder, count } = await writing(t);
  const least = await count();
  const { status, stdout, stderr } = await command(folder, 'copy', 'sessions.db', 'copy.db');
  const most = await count();
  assert.deepEqual([status, stdout, stderr], [0, 'copy.db is a copy of sessions.db.\n', '']);
  assert.ok(most > least, 'nobody wrote meanwhile');
  const file = path.join(folder, 'copy.db');
  if (process.platform !== 'win32') assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.equal((await command(folder, 'check', 'copy.db')).stdout, 'copy.db is whole.\n');
  assert.ok(JSON.parse((await command(folder, 'ls', '--json', 'copy.db')).stdout).sessions >= least);

  const store = new session.DiskStore({ path: file });
  t.after(() => store.close());
  const get = (sid) => new Promise((resolve, reject) => { store.get(sid, (error, found) => (error ? reject(error) : resolve(found))); });
  for (let i = 0; i < least; i++) assert.equal((await get(`sid-of-${i}`)).text.length, 300, `number ${i} of ${least}`);
});

test('copy replaces no file', async (t) => {
  const { folder } = await writing(t);
  for (const [name, text] of [['text', 'of another program'], ['empty', '']]) {
    const file = path.join(folder, name);
    fs.writeFileSync(file, text);
    assert.match(await fails(folder, 'copy', 'sessions.db', name), new RegExp(`sessions\\.db: ${name} exists already\\n$`));
    assert.equal(fs.readFileSync(file, 'utf8'), text);
  }
  assert.match(await fails(folder, 'copy', 'sessions.db', path.join('no', 'folder')), /cannot be written \(/);
});

/** Changes the sixth page of a file that no process has open. */
function change(file, to) {
  const bytes = fs.readFileSync(file);
  to(bytes.subarray(5 * PAGE, 6 * PAGE));
  fs.writeFileSync(file, bytes);
}

test('check tells of a damaged page, and copy makes no copy of one that cannot be read', async (t) => {
  const { folder } = await writing(t);
  const file = path.join(folder, 'damaged.db');
  await command(folder, 'copy', 'sessions.db', 'damaged.db');
  // The first two cells of a leaf change places: https://sqlite.org/fileformat2.html#b_tree_pages
  change(file, (page) => { page.copy(page, 8, 10, 12); });
  const told = await fails(folder, 'check', 'damaged.db');
  assert.match(told, /^express-session-rs: damaged\.db is damaged:\n[^]*page 6/);
  assert.doesNotMatch(told, /sid-of/);

  change(file, (page) => { page.fill(0xaa); });
  assert.match(await fails(folder, 'check', 'damaged.db'), /damaged\.db is damaged/);
  assert.match(await fails(folder, 'copy', 'damaged.db', 'copy.db'), /damaged\.db is damaged/);
  assert.deepEqual(fs.readdirSync(folder).filter((name) => name.startsWith('copy')), []);
});

test('what is no file of ours is an error that says so', async (t) => {
  const folder = temporaryFolder('cli', t);
  fs.writeFileSync(path.join(folder, 'text'), 'no database, but some text that is longer than the header of one\n'.repeat(100));
  for (const args of [['ls'], ['check'], ['copy', 'to']]) {
    const [name, ...to] = args;
    assert.match(await fails(folder, name, 'nowhere', ...to), /: nowhere: there is no such file\n$/);
    assert.match(await fails(folder, name, '.', ...to), /: \.: there is no such file\n$/);
    assert.match(await fails(folder, name, 'text', ...to), /text is damaged or no session database/);
  }
  assert.deepEqual(fs.readdirSync(folder), ['text']);
});

test('sql prints a statement and what must be known of it, and help tells its options', async (t) => {
  const folder = temporaryFolder('cli', t);
  for (const [args, start, told] of [
    [[], 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "IDX_session_user"\n  ON "session" (', /^-- .* cannot run in a transaction/m],
    [['--schema', 'a"b', '--table', 'c'], 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "IDX_c_user"\n  ON "a""b"."c" (', /^-- drop that before you try again/m],
    [['--in-transaction'], 'CREATE INDEX IF NOT EXISTS "IDX_session_user"\n  ON "session" (', /^-- .* no session can be stored/m],
  ]) {
    const { status, stdout, stderr } = await command(folder, 'sql', ...args);
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(stdout.replace(/^--.*\n/gm, '').startsWith(start), stdout);
    assert.match(stdout, told);
  }
  const { stdout: help } = await command(folder, '--help');
  for (const option of ['--table NAME', '--schema NAME', '--in-transaction']) assert.match(help, new RegExp(`^ {7}${option} {2}`, 'm'));
});

test('wrong arguments are said, with how it is used', async (t) => {
  const folder = temporaryFolder('cli', t);
  const cases = [
    [['ls'], 'ls takes one file, not 0'],
    [['check', 'a', 'b'], 'check takes one file, not 2'],
    [['copy', 'a'], 'copy takes two files, not 1'],
    [['ls', '--jsn', 'a'], 'ls has no option --jsn'],
    [['check', '--json', 'a'], 'check has no option --json'],
    [['sql', 'a'], 'sql takes no file, not 1'],
    [['sql', '--jsonb'], 'sql has no option --jsonb'],
    [['sql', '-table', 'a'], 'sql has no option -table'],
    [['sql', '--toString'], 'sql has no option --toString'],
    [['sql', '--table'], 'a name must follow --table'],
    [['sql', '--schema', '--table', 'a'], 'a name must follow --schema'],
    [['ls', '--table', 'a'], 'ls has no option --table'],
    [['list', 'a'], 'there is no command list'],
    [['toString'], 'there is no command toString'],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await command(folder, ...args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.ok(stderr.startsWith(`express-session-rs: ${message}.\n\nUsage: `), stderr);
  }
});

test('what takes longer than a second says so: to a terminal each second, else once in a while', async () => {
  const streams = [true, false].map((isTTY) => ({ isTTY, text: '', write(text) { this.text += text; } }));
  const [terminal, log] = streams;
  const results = streams.map((stream) => progress('checking', pause(5500, stream.isTTY), stream));
  await pause(900);
  assert.equal(terminal.text, '');
  assert.deepEqual(await Promise.all(results), [true, false]);
  assert.match(terminal.text, /^\rexpress-session-rs: checking for 1 s\r.* for 2 s\r[^]*\r +\r$/);
  assert.equal(log.text, 'express-session-rs: checking for 5 s\n');
  await assert.rejects(progress('checking', Promise.reject(new Error('it failed')), log), /it failed/);
});
