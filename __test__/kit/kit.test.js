'use strict';

/** What the tests lean on: it must fail where it should. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { clock } = require('../clock');
const { createApp, kinds, serve } = require('../../test-kit/app');
const { Visitor, ask, raw } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { find, missing, needs } = require('../../test-kit/installed');
const { Jar, cookieOf } = require('../../test-kit/jar');
const { freePort } = require('../../test-kit/port');
const { Program, run, startServer } = require('../../test-kit/program');
const { askRedis, startRedis } = require('../../test-kit/redis');

const KIT = path.join(__dirname, '..', '..', 'test-kit');
const isWindows = process.platform === 'win32';

/** Runs a script in a Node.js of its own. */
const script = (text, env) => run(process.execPath, ['-e', text], { env: { KIT, ...env } });

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the jar', () => {
  it('sends back what was set, in the order of the names, with the last values', () => {
    const jar = new Jar();
    jar.take(['a=1; Path=/', 'b=x=y; HttpOnly', 'a=2']);
    assert.equal(jar.header, 'a=2; b=x=y');
    assert.equal(jar.last, 'a=2');
    jar.header = 'c=3; d=4';
    assert.deepEqual([...jar], [['c', '3'], ['d', '4']]);
    jar.header = '';
    assert.equal(jar.size, 0);
  });

  it('forgets what is taken back, at that moment and no later', (t) => {
    const time = clock(t, Date.UTC(2030, 0, 1));
    const jar = new Jar();
    const set = (attributes) => {
      jar.header = 'a=1';
      jar.take([`a=2; ${attributes}`]);
      return jar.header;
    };
    assert.equal(set('Expires=Thu, 01 Jan 1970 00:00:00 GMT'), '');
    assert.equal(set('Max-Age=0'), '');
    // RFC 6265, section 5.3: Max-Age is stronger.
    assert.equal(set('Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60'), 'a=2');
    assert.equal(set('Expires=Tue, 01 Jan 2030 00:01:00 GMT'), 'a=2');
    time.tick(120000);
    assert.equal(jar.header, 'a=2');
  });

  it('takes nothing without a name and a value', () => {
    const jar = new Jar();
    jar.take(['nothing']);
    jar.take(undefined);
    assert.equal(jar.header, '');
    assert.equal(cookieOf(undefined), '');
    assert.equal(cookieOf('sid=1; Path=/'), 'sid=1');
  });
});

describe('the client', () => {
  for (const kind of kinds) {
    it(`keeps its cookies and follows no redirect (${kind})`, async (t) => {
      const { url } = await serve(createApp({
        kind,
        routes: {
          'GET /': (req, res) => res.end(String(req.headers.cookie)),
          'POST /login': (req, res) => { res.writeHead(303, { Location: '/', 'Set-Cookie': ['a=1', 'b=2'] }).end(); },
          'GET /broken': (req, res, next) => next(Object.assign(new Error('broken'), { status: 418 })),
        },
      }), t);
      const visitor = new Visitor(url);
      const { status, cookies } = await visitor.post('/login', { name: 'ann' });
      assert.deepEqual([status, cookies], [303, ['a=1', 'b=2']]);
      assert.equal((await visitor.get('/?query')).body, 'a=1; b=2');
      assert.equal((await visitor.get('/', { headers: { cookie: 'c=3' } })).body, 'c=3');
      assert.equal((await visitor.get('/broken')).status, 418);
      assert.equal((await visitor.get('/nowhere')).status, 404);
    });
  }

  it('rejects what has no end, with the half that came', async (t) => {
    const { port } = await serve((req, res) => { if (req.url === '/half') res.write('half'); }, t);
    await assert.rejects(ask(port, '/', { patience: 50 }), { isHang: true, text: undefined, message: 'no answer to GET /' });
    await assert.rejects(ask(port, '/half', { patience: 50 }), { isHang: true, text: 'half' });
  });

  it('rejects a lost connection', async (t) => {
    const { port } = await serve((req, res) => {
      if (req.url === '/half') res.write('half', () => res.destroy());
      else res.destroy();
    }, t);
    await assert.rejects(ask(port, '/'), { isHang: false, text: undefined, code: 'ECONNRESET' });
    await assert.rejects(ask(port, '/half'), { isHang: false, text: 'half' });
    await assert.rejects(raw(await freePort(), 'x'), { code: 'ECONNREFUSED' });
  });
});

describe('the ports', () => {
  it('are free, and the one that is taken is refused', async (t) => {
    const { port } = await serve(net.createServer(), t);
    await assert.rejects(freePort(port), { code: 'EADDRINUSE' });
    const free = await freePort();
    assert.ok(free >= 10000 && free < 30000, 'no outgoing connection gets it');
  });
});

describe('a program', () => {
  const SLEEP = 'console.log("up"); setInterval(() => {}, 1000);';

  it('that ends early rejects who waits for it, with what it printed', async () => {
    const early = () => new Program(process.execPath, ['-e', 'console.error("no"); process.exit(3)']);
    for (const wait of [(it) => it.prints(/up/), (it) => it.listening(1), (it) => it.message()]) {
      await assert.rejects(wait(early()), /ended with status 3\nno$/);
    }
    await assert.rejects(startServer(process.execPath, ['-e', 'process.exit(3)'], { port: await freePort() }), /ended with status 3/);
  });

  it('is stopped by its process id, and does not outlive who started it', { skip: isWindows && 'Windows has no signals' }, async () => {
    const program = new Program(process.execPath, ['-e', SLEEP]);
    await program.prints(/up/);
    await program.stop();
    assert.equal(await program.ended, 'ended by SIGTERM');

    const parent = `
      const { Program } = require(process.env.KIT + '/program');
      const program = new Program(process.execPath, ['-e', ${JSON.stringify(SLEEP)}]);
      program.prints(/up/).then(() => { console.log(program.pid); process.env.HOW === 'exit' && process.exit(); });`;
    for (const how of ['exit', 'SIGTERM', 'SIGINT']) {
      const starter = new Program(process.execPath, ['-e', parent], { env: { KIT, HOW: how } });
      const [, pid] = await starter.prints(/^(\d+)$/m);
      if (how !== 'exit') starter.signal(how);
      await starter.ended;
      for (const end = Date.now() + 5000; isRunning(Number(pid)) && Date.now() < end;) await pause(10);
      const isLeft = isRunning(Number(pid));
      if (isLeft) process.kill(Number(pid), 'SIGKILL');
      assert.equal(isLeft, false, how);
    }
  });

  it('that is not installed is missing, and says how to get it', () => {
    assert.throws(() => new Program('no-such-program', [], { source: 'make it' }), { isMissing: true, message: 'no-such-program is missing: make it' });
    assert.equal(find('no-such-program'), undefined);
    assert.equal(find(process.execPath), process.execPath);
  });
});

describe('a program that is missing', () => {
  const needed = "console.log(require(process.env.KIT + '/installed').needs('redis-server'))";

  it('skips a test, and says what to install', async () => {
    const { status, stdout } = await script(needed, { CI: 'false', PATH: KIT });
    assert.deepEqual([status, stdout], [0, 'redis-server not found: apt-get install redis-server\n']);
  });

  it('fails a test in CI', async () => {
    const { status, stderr } = await script(needed, { CI: 'true', PATH: KIT });
    assert.equal(status, 1);
    assert.match(stderr, /Error: redis-server not found: apt-get install redis-server/);
  });
});

describe('a Redis', { skip: needs('redis-server') }, () => {
  it('is empty, local, on a port of its own, and starts again with what it keeps', async (t) => {
    const folder = temporaryFolder('kit', t);
    const settings = ['--appendonly', 'yes', '--appendfsync', 'always'];
    const first = await startRedis({ folder, settings });
    t.after(() => first.stop());
    assert.equal(first.url, `redis://127.0.0.1:${first.port}`);
    assert.match(await askRedis(first.port, 'CONFIG GET bind'), /\r\n127\.0\.0\.1\r\n/);
    await askRedis(first.port, 'SET key value');
    first.signal('SIGKILL');
    assert.equal(await first.ended, 'ended by SIGKILL');

    const second = await startRedis({ folder, port: first.port, settings });
    t.after(() => second.stop());
    assert.match(await askRedis(second.port, 'GET key'), /value/);
    await second.fresh();
    assert.equal(await askRedis(second.port, 'DBSIZE'), ':0\r\n');
    await assert.rejects(startRedis({ port: second.port }), /redis-server ended|is another server's/);
  });
});

describe('a temporary folder', () => {
  it('goes with its test', async (t) => {
    let folder;
    await t.test('that makes it', (inner) => {
      folder = temporaryFolder('kit', inner);
      fs.writeFileSync(path.join(folder, 'file'), 'x');
    });
    assert.equal(fs.existsSync(folder), false);
  });

  it('goes with its process, unless that discards it before', async () => {
    const { stdout } = await script(`
      const { temporaryFolder, discard } = require(process.env.KIT + '/folder');
      const fs = require('node:fs');
      const [one, other] = [temporaryFolder('kit'), temporaryFolder('kit')];
      discard(one);
      console.log(JSON.stringify([one, other, fs.existsSync(one), fs.existsSync(other)]));`);
    const [one, other, ...seen] = JSON.parse(stdout);
    assert.deepEqual(seen, [false, true]);
    assert.deepEqual([one, other].map((folder) => fs.existsSync(folder)), [false, false]);
  });
});

it('missing names all that are not there', () => {
  assert.equal(missing(), undefined);
});
