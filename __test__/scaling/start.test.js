'use strict';

// Not in check: it starts nginx and Redis.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { before, describe, it } = require('node:test');

const { needs } = require('./programs');

const START = path.join(__dirname, '..', '..', 'examples', 'redis', 'start.js');

const { how, skip } = needs('nginx', 'redis-server');

/** Runs the command in a temporary folder of its own, which has to be empty in the end. */
function run(t, env) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'express-session-start-'));

  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const child = spawn(process.execPath, [START], {
    env: { ...process.env, PORT: '0', PROCESSES: '', SECRET: '', ...env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };

  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (text) => { printed[stream] += text; });
  }

  const ended = once(child, 'close').then(([code]) => ({ code, ...printed, left: fs.readdirSync(folder) }));

  t.after(async () => {
    child.kill();
    await ended;
  });
  return { child, printed, ended };
}

/** Runs it and waits for the URL. `pids` are those it names, by the names it gives them. */
async function start(t, env) {
  const { child, printed, ended } = run(t, env);
  const early = ended.then(({ stderr }) => { throw new Error(`ended before it listened:\n${stderr}`); });

  // Later it is meant to end.
  early.catch(() => {});
  for (;;) {
    const [url] = printed.stdout.match(/http:\S+/) || [];

    if (url) {
      const pids = Object.fromEntries([...printed.stdout.matchAll(/(redis|nginx|process \d+)(?: has pid)? (\d+)/gi)]
        .map(([, name, pid]) => [name.toLowerCase(), Number(pid)]));

      return { url, pids, child, ended, printed };
    }
    await Promise.race([once(child.stdout, 'data'), early]);
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const running = (pids) => Object.keys(pids).filter((name) => isRunning(pids[name]));

describe('node examples/redis/start.js', { skip, timeout: 40000 }, () => {
  before(() => assert.equal(how, undefined));

  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`runs as many processes as it is told to and stops everything on ${signal}`, async (t) => {
      const { url, pids, child, ended } = await start(t, { PROCESSES: '3' });

      assert.deepEqual(Object.keys(pids).sort(), ['nginx', 'process 1', 'process 2', 'process 3', 'redis']);
      assert.equal(running(pids).length, 5);
      assert.equal((await fetch(url)).status, 200);

      child.kill(signal);

      const { code, stderr, left } = await ended;

      assert.deepEqual({ code, stderr, left, running: running(pids) }, { code: 0, stderr: '', left: [], running: [] });
    });
  }

  for (const name of ['redis', 'nginx']) {
    it(`stops everything when ${name} fails`, async (t) => {
      const { url, pids, ended } = await start(t, {});

      process.kill(pids[name], 'SIGKILL');

      const { code, stderr, left } = await ended;

      // Not even by a worker of nginx that has outlived it.
      await assert.rejects(fetch(url));

      assert.match(stderr, new RegExp(`^${name}\\S* ended by SIGKILL: stopping\\.$`, 'm'));
      assert.deepEqual({ code, left, running: running(pids) }, { code: 1, left: [], running: [] });
    });
  }

  it('goes on without one process of the app, and stops when none is left', async (t) => {
    const { url, pids, ended, child, printed } = await start(t, {});

    process.kill(pids['process 1'], 'SIGKILL');
    while (!printed.stdout.includes('process 1 ended by SIGKILL; 1 left.')) await once(child.stdout, 'data');
    assert.equal((await fetch(url)).status, 200);

    process.kill(pids['process 2'], 'SIGKILL');

    const { code, stderr, left } = await ended;

    assert.match(stderr, /^no process of the app is left: stopping\.$/m);
    assert.deepEqual({ code, left, running: running(pids) }, { code: 1, left: [], running: [] });
  });

  it('says in one line that the port is taken, and leaves nothing behind', async (t) => {
    const other = net.createServer().listen(0, '127.0.0.1');

    t.after(() => other.close());
    await once(other, 'listening');

    const { port } = other.address();
    const { code, stdout, stderr, left } = await run(t, { PORT: String(port) }).ended;

    assert.match(stderr, new RegExp(`^Port ${port} is taken\\b.*\\n$`));
    assert.deepEqual({ code, stdout, left }, { code: 1, stdout: '', left: [] });
  });
});

describe('node examples/redis/start.js on a machine that is not ready', () => {
  it('names the package of a program that is missing', async (t) => {
    const { code, stdout, stderr, left } = await run(t, { PATH: __dirname }).ended;

    assert.match(stderr, /^redis-server\b.* not found: apt-get install redis-server\b.*\n$/);
    assert.deepEqual({ code, stdout, left }, { code: 1, stdout: '', left: [] });
  });

  for (const [name, value] of [['PORT', '65536'], ['PORT', '-1'], ['PROCESSES', '0'], ['PROCESSES', 'two'], ['PROCESSES', '65']]) {
    it(`says in one line that ${name}=${value} is no such number`, async (t) => {
      const { code, stderr, left } = await run(t, { [name]: value }).ended;

      assert.match(stderr, new RegExp(`^${name} is "${value}": use a number from \\d+ to \\d+\\.\\n$`));
      assert.deepEqual({ code, left }, { code: 1, left: [] });
    });
  }
});
