'use strict';

// Not in check: it starts nginx and Redis.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');

const { needs } = require('../../test-kit/installed');
const { serve } = require('../../test-kit/app');
const { temporaryFolder } = require('../../test-kit/folder');
const { Program } = require('../../test-kit/program');

const START = path.join(__dirname, '..', '..', 'examples', 'redis', 'start.js');

const skip = needs('nginx', 'redis-server');

/** Runs the command in a temporary folder of its own, which has to be empty in the end. */
function run(t, env) {
  const folder = temporaryFolder('express-session-start', t);
  const program = new Program(process.execPath, [START], { env: { PORT: '0', PROCESSES: '', SECRET: '', ...env, TMPDIR: folder } });
  const over = program.ended.then((how) => ({ how, stdout: program.stdout, stderr: program.stderr, left: fs.readdirSync(folder) }));

  t.after(() => program.stop());
  return { program, over };
}

/** Runs it and waits for the URL. `pids` are those it names, by the names it gives them. */
async function start(t, env) {
  const { program, over } = run(t, env);
  const [url] = await program.prints(/http:\S+/);
  const pids = Object.fromEntries([...program.stdout.matchAll(/(redis|nginx|process \d+)(?: has pid)? (\d+)/gi)]
    .map(([, name, pid]) => [name.toLowerCase(), Number(pid)]));

  return { url, pids, program, over };
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
  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`runs as many processes as it is told to and stops everything on ${signal}`, async (t) => {
      const { url, pids, program, over } = await start(t, { PROCESSES: '3' });

      assert.deepEqual(Object.keys(pids).sort(), ['nginx', 'process 1', 'process 2', 'process 3', 'redis']);
      assert.equal(running(pids).length, 5);
      assert.equal((await fetch(url)).status, 200);

      program.signal(signal);

      const { how, stderr, left } = await over;

      assert.deepEqual({ how, stderr, left, running: running(pids) }, { how: 'ended with status 0', stderr: '', left: [], running: [] });
    });
  }

  for (const name of ['redis', 'nginx']) {
    it(`stops everything when ${name} fails`, async (t) => {
      const { url, pids, over } = await start(t, {});

      process.kill(pids[name], 'SIGKILL');

      const { how, stderr, left } = await over;

      // Not even by a worker of nginx that has outlived it.
      await assert.rejects(fetch(url));

      assert.match(stderr, new RegExp(`^${name}\\S* ended by SIGKILL: stopping\\.$`, 'm'));
      assert.deepEqual({ how, left, running: running(pids) }, { how: 'ended with status 1', left: [], running: [] });
    });
  }

  it('goes on without one process of the app, and stops when none is left', async (t) => {
    const { url, pids, program, over } = await start(t, {});

    process.kill(pids['process 1'], 'SIGKILL');
    await program.prints(/process 1 ended by SIGKILL; 1 left\./);
    assert.equal((await fetch(url)).status, 200);

    process.kill(pids['process 2'], 'SIGKILL');

    const { how, stderr, left } = await over;

    assert.match(stderr, /^no process of the app is left: stopping\.$/m);
    assert.deepEqual({ how, left, running: running(pids) }, { how: 'ended with status 1', left: [], running: [] });
  });

  it('says in one line that the port is taken, and leaves nothing behind', async (t) => {
    const { port } = await serve(net.createServer(), t);
    const { how, stdout, stderr, left } = await run(t, { PORT: String(port) }).over;

    assert.match(stderr, new RegExp(`^Port ${port} is taken\\b.*\\n$`));
    assert.deepEqual({ how, stdout, left }, { how: 'ended with status 1', stdout: '', left: [] });
  });
});

describe('node examples/redis/start.js on a machine that is not ready', () => {
  it('names the package of a program that is missing', async (t) => {
    const { how, stdout, stderr, left } = await run(t, { PATH: __dirname }).over;

    assert.match(stderr, /^redis-server\b.* not found: apt-get install redis-server\b.*\n$/);
    assert.deepEqual({ how, stdout, left }, { how: 'ended with status 1', stdout: '', left: [] });
  });

  for (const [name, value] of [['PORT', '65536'], ['PORT', '-1'], ['PROCESSES', '0'], ['PROCESSES', 'two'], ['PROCESSES', '65']]) {
    it(`says in one line that ${name}=${value} is no such number`, async (t) => {
      const { how, stderr, left } = await run(t, { [name]: value }).over;

      assert.match(stderr, new RegExp(`^${name} is "${value}": use a number from \\d+ to \\d+\\.\\n$`));
      assert.deepEqual({ how, left }, { how: 'ended with status 1', left: [] });
    });
  }
});
