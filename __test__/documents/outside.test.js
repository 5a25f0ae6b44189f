'use strict';

// Not in check: it installs packages, and starts a browser.

/** docs/outside.md: each of its programs runs as it is written. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');
const { promisify } = require('node:util');
const browser = require('../browser');
const installCompanions = require('../companions/install');
const { blocks, root } = require('./blocks');
const run = require('./run');
const { signed } = require('../security/cookies');
const { session } = require('../subject');
const { Visitor, ask } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { Program } = require('../../test-kit/program');

const SECRET = 'a secret of the test';
const companions = path.join(root, '__test__', 'companions', 'node_modules');
const isOld = process.version.startsWith('v18.');

before(installCompanions);

/** A folder with this package and its companions, and a program in it, and more files. */
function placed(t, text, name = 'program.js', files = {}) {
  const folder = temporaryFolder('outside', t);
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  for (const each of ['express', 'ws', 'socket.io', 'hono', 'supertest', '@hono']) fs.symlinkSync(path.join(companions, each), path.join(modules, each), 'junction');
  fs.symlinkSync(path.join(root, 'node_modules', 'playwright-core'), path.join(modules, 'playwright-core'), 'junction');
  fs.symlinkSync(root, path.join(modules, 'express-session-rs'), 'junction');
  const file = path.join(folder, name);
  for (const [each, content] of Object.entries({ ...files, [name]: text })) {
    fs.mkdirSync(path.dirname(path.join(folder, each)), { recursive: true });
    fs.writeFileSync(path.join(folder, each), content);
  }
  return { folder, file };
}

/** Starts a server as it is written, which then listens on a free port, and returns a visitor of it. */
async function started(t, text, name, env = {}, files = {}) {
  const { folder, file } = placed(t, text, name, files);
  const program = new Program(process.execPath, ['--require', path.join(__dirname, 'contained.js'), file], { cwd: folder, env: { SECRET, ...env } });
  t.after(() => program.stop());
  const [, port] = await program.prints(/listening on (\d+)/);
  return { folder, program, port: Number(port), visitor: new Visitor(Number(port)) };
}

const messageOf = async (socket) => String((await once(socket, 'message'))[0]);

const runners = {
  async 'ws'(text, t) {
    const { port, visitor } = await started(t, text);
    // Loaded when it is installed.
    const WebSocket = require(path.join(companions, 'ws'));
    await visitor.post('/login', { user: 'ada' });
    const headers = { cookie: visitor.jar.header };
    const [one, other] = [0, 1].map(() => new WebSocket(`ws://127.0.0.1:${port}`, { headers }));
    t.after(() => { one.terminate(); other.terminate(); });
    await Promise.all([once(one, 'open'), once(other, 'open')]);
    one.send('hi');
    assert.equal(await messageOf(one), 'ada, message 1: hi');
    for (let i = 0; i < 5; i++) {
      one.send('a');
      other.send('b');
    }
    // Several messages can come at once.
    const five = (socket) => new Promise((resolve) => {
      let count = 0;
      socket.on('message', () => { if (++count === 5) resolve(); });
    });
    await Promise.all([five(one), five(other)]);
    assert.equal((await visitor.get('/')).body, '11 messages');
    await visitor.post('/logout', {});
    one.send('late');
    assert.equal((await once(one, 'close'))[0], 4401);
    const stranger = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(stranger, 'open');
    stranger.send('hi');
    assert.equal((await once(stranger, 'close'))[0], 4401);
  },

  async 'socket.io'(text, t) {
    const { port, visitor } = await started(t, text);
    const { io } = require(path.join(companions, 'socket.io-client'));
    const connect = (headers) => {
      const socket = io(`http://127.0.0.1:${port}`, { extraHeaders: headers, forceNew: true, reconnection: false });
      t.after(() => socket.close());
      return socket;
    };
    const [error] = await once(connect({}), 'connect_error');
    assert.equal(error.message, 'Please log in');
    await visitor.post('/login', { user: 'ada' });
    const socket = connect({ cookie: visitor.jar.header });
    await once(socket, 'connect');
    assert.deepEqual(await socket.emitWithAck('add', 'milk'), ['milk']);
    assert.equal((await visitor.get('/')).body, 'In your cart: milk');
    await visitor.post('/empty', {});
    assert.deepEqual(await socket.emitWithAck('add', 'tea'), ['tea'], 'it sees what the request has stored');
    const other = connect({ cookie: visitor.jar.header });
    await once(other, 'connect');
    await Promise.all(['a', 'b', 'c', 'd'].map((item, i) => (i % 2 ? other : socket).emitWithAck('add', item)));
    assert.deepEqual((await visitor.get('/')).body.slice('In your cart: '.length).split(', ').sort(), ['a', 'b', 'c', 'd', 'tea'], 'no event is lost');
  },

  async 'job'(text, t) {
    const { visitor } = await started(t, text);
    // The first request has no session yet that the job could find.
    for (let i = 0; i < 2; i++) assert.equal((await visitor.post('/report', {})).status, 202);
    while ((await visitor.get('/')).body !== 'report.pdf') await new Promise((resolve) => { setTimeout(resolve, 20); });
  },

  async 'hono.mjs'(text, t) {
    const { visitor } = await started(t, text, 'program.mjs');
    assert.equal((await visitor.get('/')).body, 'Please log in');
    assert.equal((await visitor.ask('POST', '/login', { body: 'ada' })).body, 'Welcome');
    for (const n of [1, 2]) assert.equal((await visitor.get('/')).body, `ada, visit ${n}`);
  },

  supertest: (text, t) => tested(text, t, 2),
  playwright: (text, t) => tested(text, t, 1),

  async 'migrate'(text, t) {
    // A shorter pause; everything else is as written.
    const { visitor, program, folder } = await started(t, text.replace('10_000', '100'));
    const others = Array.from({ length: 5 }, () => new Visitor(visitor.port));
    for (const each of others) await each.get('/');
    for (const n of [1, 2]) assert.equal((await visitor.get('/')).body, `Visit number ${n}`);
    process.kill(program.pid, 'SIGUSR2');
    for (let n = 3; !program.stdout.includes('All sessions are on the disk'); n++) assert.equal((await visitor.get('/')).body, `Visit number ${n}`);
    await program.stop();
    assert.equal(program.stderr, '');
    const store = new session.DiskStore({ path: path.join(folder, 'sessions.db') });
    t.after(() => store.close());
    assert.deepEqual(Object.values(await promisify(store.all.bind(store))()).map(({ visits }) => visits > 1).sort(), [false, false, false, false, false, true]);
  },

  async 'resign'(text, t) {
    const { port } = await started(t, text, undefined, { NEW_SECRET: 'new', OLD_SECRET: 'old' });
    const { jar } = new Visitor(port);
    await ask(port, '/', { jar });
    const sid = decodeURIComponent(jar.header).slice('connect.sid=s:'.length).split('.')[0];
    assert.equal(jar.header, signed(sid, 'new'));
    const browser = new Visitor(port);
    await browser.get('/', { headers: { cookie: signed(sid, 'old') } });
    assert.equal(browser.jar.header, signed(sid, 'new'));
    assert.deepEqual((await ask(port, '/', { headers: { cookie: signed(sid, 'new') } })).cookies, []);
  },
};

/** Runs a file of tests, of which so many pass. */
async function tested(text, t, count) {
  const { folder, file } = placed(t, text, 'program.test.js');
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, CHROMIUM: process.env.CHROMIUM || '/usr/bin/chromium' };
  const { status, stdout, stderr } = await run(process.execPath, ['--test', '--test-reporter=tap', file], { cwd: folder, env });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, new RegExp(`^# pass ${count}$`, 'm'));
}

const skips = { 'playwright': browser.skip, 'hono.mjs': isOld && '@hono/node-server wants Node.js 20' };
const all = blocks('docs/outside.md');

for (const { line, mark, text } of all.filter((block) => !block.mark.startsWith('next '))) {
  test(`line ${line}: ${mark}`, { skip: skips[mark] }, (t) => runners[mark](text, t));
}

// Next.js itself is too large to be installed here: `npm run test:next` does that, and builds these programs.
const textOf = (name) => all.find(({ mark }) => mark === `next ${name}`).text;
const sessionsFile = { 'sessions.mjs': textOf('sessions.mjs') };
const next = (files) => Object.fromEntries(Object.entries({
  'package.json': '{ "name": "next", "exports": { ".": "./index.js", "./headers": "./headers.js" } }', ...files,
}).map(([name, text]) => [`node_modules/next/${name}`, text]));

// A route handler gets a Request of the Fetch API, or an heir of it.
test('Next.js: the route handler', async (t) => {
  const { folder, file } = placed(t, `
    import route from './next.config.mjs';
    import { GET, POST, DELETE } from './app/api/count/route.mjs';
    class NextRequest extends Request { get cookies() { return new Map(); } }
    const request = (method, cookie, body) => new NextRequest('http://localhost/api/count', { method, body, headers: cookie ? { cookie } : {} });
    const told = [];
    const made = await POST(request('POST', undefined, '{"user":"ada"}'));
    const [cookie, ...attributes] = made.headers.get('set-cookie').split('; ');
    for (const from of [undefined, cookie, cookie]) told.push(await (await GET(request('GET', from))).text());
    told.push((await DELETE(request('DELETE', cookie))).status, (await GET(request('GET', cookie))).status);
    console.log(JSON.stringify({ told, attributes, external: route.serverExternalPackages }));
  `, 'program.mjs', { ...sessionsFile, 'app/api/count/route.mjs': textOf('route.mjs'), 'next.config.mjs': textOf('config.mjs') });
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder, env: { ...process.env, SECRET } });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), {
    told: ['Please log in', '{"user":"ada","count":1}', '{"user":"ada","count":2}', 204, 401],
    attributes: ['Path=/', 'HttpOnly', 'SameSite=Lax'],
    external: ['express-session-rs'],
  });
});

test('Next.js: the server action', async (t) => {
  const { folder, file } = placed(t, `
    import { login } from './app/actions.mjs';
    import { set } from 'next/headers';
    import { sessions } from './sessions.mjs';
    const form = new FormData();
    form.set('user', 'ada');
    await login(form);
    const [name, value, attributes] = set[0];
    const { user } = await sessions.load(name + '=' + encodeURIComponent(value));
    console.log(JSON.stringify({ user, attributes }));
  `, 'program.mjs', {
    ...sessionsFile,
    ...next({ 'headers.js': 'exports.set = []; exports.cookies = async () => ({ set: (...args) => exports.set.push(args) });' }),
    'app/actions.mjs': textOf('actions.mjs'),
  });
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder, env: { ...process.env, SECRET } });
  assert.equal(stderr, '');
  assert.deepEqual(JSON.parse(stdout), { user: 'ada', attributes: { httpOnly: true, sameSite: 'lax', secure: false } });
});

test('Next.js: the custom server', async (t) => {
  const { visitor } = await started(t, textOf('server.mjs'), 'server.mjs', {}, {
    ...sessionsFile,
    ...next({ 'index.js': `module.exports = ({ dev }) => ({
      prepare: async () => {},
      getRequestHandler: () => async ({ session: { user } }, res, ...more) => res.end(JSON.stringify({ user, dev, more })),
    });` }),
  });
  assert.equal((await visitor.get('/')).body, '{"dev":true,"more":[]}');
  assert.equal((await visitor.post('/login', { user: 'ada' })).status, 302);
  assert.equal((await visitor.get('/')).body, '{"user":"ada","dev":true,"more":[]}');
  assert.equal((await visitor.post('/logout', {})).status, 302);
  assert.equal((await visitor.get('/')).body, '{"dev":true,"more":[]}');
});

test('Next.js: no program is left out', () => {
  const names = all.filter(({ mark }) => mark.startsWith('next ')).map(({ mark }) => mark.slice('next '.length));
  assert.deepEqual(names, ['sessions.mjs', 'route.mjs', 'config.mjs', 'actions.mjs', 'server.mjs']);
});
