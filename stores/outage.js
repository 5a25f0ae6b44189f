'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { serve } = require('../test-kit/app');
const { freePort } = require('../test-kit/port');
const Browser = require('./browser');
const Trace = require('./trace');
const { createApp } = require('./app');

const CROWD = 10;
/** How long the crowd goes on with the server, without it, and with it again, in ms. */
const LOAD_MS = 1000;
const PACE_MS = 20;
/** What nobody but a mistake puts in a session's place, as far as a column for JSON takes it. */
const SPOILT = {
  null: 'null',
  'a number': '7',
  'a text': '"text"',
  'a list': '[1]',
  'without a cookie': '{"count":1}',
  'with a cookie that is a text': '{"count":1,"cookie":"none"}',
  'with a cookie of no date': '{"count":1,"cookie":{"originalMaxAge":60000,"expires":"whenever","path":"/"}}',
};
const NOISE = '\x00\x07no protocol at all\r\n';
/** For clients to notice that their server is gone, or back, in ms. */
const NOTICE_MS = 500;
const RESUME_MS = 10000;

/**
 * Runs a store whose server is down at the start, is started, is stopped under
 * load, is started again under load, gives out what is no session, and is at last
 * replaced by one that talks nonsense.
 * The report has the form of `bench.js`.
 *
 * @param {Function} session
 * @param {() => Promise<object>} open must not wait for the server
 * @param {import('./table').Outage} outage
 * @param {import('./table').At} at
 */
async function runOutage(session, open, outage, at) {
  const stage = new Stage(outage, at);
  process.once('SIGTERM', async () => {
    await stage.down();
    process.exit(1);
  });
  try {
    at.port = await freePort();
    return await play(stage, session, open, outage, at);
  } finally {
    await stage.down();
  }
}

/** The server, which comes and goes on one port. */
class Stage {
  #server;

  constructor({ server, prepare, spoil, queues }, at) {
    this.start = require(`./backends/${server}`);
    this.prepare = prepare;
    this.spoil = spoil;
    this.queues = queues;
    this.at = at;
  }

  async up() {
    this.#server = await this.start(this.at.folder, this.at.port);
    await this.prepare?.(this.at);
    // The second time it is there already.
    this.prepare = undefined;
  }

  /** @param {(from: number, to: number) => Promise<object>} startProxy */
  async upBehind(startProxy) {
    const port = await freePort();
    this.#server = await this.start(this.at.folder, port);
    return startProxy(this.at.port, port);
  }

  async down() {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }
}

async function play(stage, session, open, outage, at) {
  const trace = new Trace({ [at.folder]: 'folder', [`127.0.0.1:${at.port}`]: 'server' });
  const store = await open();
  trace.listen(store);
  const app = createApp(session, store);
  trace.listen(store, ['generate']);
  const { port, close } = await serve(app);
  const saw = (path, { status, body, cookies }) => {
    trace.add({ path, status, ...trace.plain({ body, cookies }) });
  };
  const browser = () => new Browser(port, saw);

  const checks = [];
  const check = async (name, run) => {
    trace.begin(name);
    const verdict = await run().then(() => ({ status: 'passed', message: '' }),
      (error) => ({ status: 'failed', message: trace.plain(error.message) }));
    trace.end();
    checks.push({ name, ...verdict });
  };
  const early = browser();
  const settled = browser();

  await check('down at start', () => (stage.queues ? waiting(early, () => stage.up()) : refused(early, browser)));
  if (!stage.queues) await stage.up();
  await resumed(browser);
  await check('started later', () => served(early));
  await check('a session of before', () => served(settled));
  const load = await crowd(browser, stage);
  await check('under load', async () => {
    // What a visitor is told without the server is the original's to say.
    trace.add({ without: load.without });
    assert.deepEqual([load.before, load.again], [['200'], ['200']]);
  });
  await check('no request hangs', async () => { assert.deepEqual(load.hanging, []); });
  await stage.down();
  if (!stage.queues) {
    await check('stopped', () => refused(settled, browser));
    await stage.up();
  } else {
    await check('stopped', () => waiting(settled, () => stage.up()));
  }
  await resumed(browser);
  await check('started again', () => served(settled));
  for (const [name, text] of Object.entries({ ...SPOILT, ...outage.spoilt })) {
    await check(`a session that is ${name}`, () => spoilt(browser, (sid) => stage.spoil(at, sid, text)));
  }
  await stage.down();
  if (!stage.queues) {
    const nonsense = await startNonsense(at.port);
    await pause(NOTICE_MS);
    await check('answers garbage', () => refused(settled, browser));
    nonsense.close();
    await stage.up();
    await resumed(browser);
    await check('sense again', () => served(settled));
    await stage.down();
    const proxy = await stage.upBehind(startProxy);
    await resumed(browser);
    await check('garbage in the middle', async () => {
      await served(settled);
      proxy.isMad = true;
      // The client may wait for the rest of an answer: until the connection ends.
      const answer = settled.get('/count');
      await pause(NOTICE_MS);
      proxy.close();
      answered(await answer, '/count');
    });
  }
  await close();
  return { checks, trace: trace.sections };
}

/**
 * Everything a program may do while the server is away; nothing may hang. Who has a
 * cookie fails as soon as the session is read, and nobody else gets to read any.
 */
async function refused(visitor, browser) {
  const cookie = async (path) => answered(await visitor.get(path), path);
  const none = async (path) => answered(await browser().get(path), path);
  for (const path of ['/count', '/count', '/save', '/look', '/destroy', '/regenerate']) await cookie(path);
  for (const path of ['/save', '/look', '/reload', '/destroy', '/regenerate', '/nested']) await none(path);
}

function answered({ status, body }, path) {
  assert.notEqual(status, 0, `${path}: ${body}`);
}

/** With a client that queues, the answer comes when the server does. */
async function waiting(visitor, up) {
  let isAnswered = false;
  const answer = visitor.get('/count').finally(() => { isAnswered = true; });
  await pause(NOTICE_MS);
  assert.equal(isAnswered, false, 'answered without a server');
  await up();
  assert.equal((await answer).status, 200);
}

async function served(visitor) {
  const counts = [];
  for (let i = 0; i < 3; i += 1) counts.push((await visitor.get('/count')).body.count);
  assert.deepEqual(counts, [0, 1, 2].map((more) => counts[0] + more));
}

/** Until a session is kept from one request to the next. */
async function resumed(browser) {
  for (const end = Date.now() + RESUME_MS; Date.now() < end; await pause(PACE_MS)) {
    const visitor = browser();
    await visitor.get('/count');
    if ((await visitor.get('/count')).body.count === 2) return;
  }
  throw new Error('the service does not resume');
}

/** Answered somehow, and the same somehow as by the original. */
async function spoilt(browser, spoil) {
  for (const path of ['/look', '/count', '/save', '/reload', '/regenerate', '/destroy']) {
    const visitor = browser();
    await visitor.get('/count');
    await spoil(decodeURIComponent(visitor.cookie).match(/s:([^.]+)/)[1]);
    for (const each of [path, '/count']) answered(await visitor.get(each), each);
  }
}

/**
 * Visitors who go on while the server is stopped and started again.
 * @returns {Promise<{ before: string[], without: string[], again: string[], hanging: string[] }>}
 *   the statuses seen with the server, without it and with it again, and what hung at any time
 */
async function crowd(browser, stage) {
  let phase = 'before';
  const seen = { before: new Set(), without: new Set(), again: new Set() };
  const hanging = new Set();
  const go = async () => {
    for (const visitor = browser(); phase !== 'over'; await pause(PACE_MS)) {
      const begun = phase;
      const { status, body } = await visitor.get('/count');
      // What was under way at a change belongs to neither phase.
      if (begun === phase) seen[begun]?.add(String(status));
      if (body === 'hangs') hanging.add(begun);
    }
  };
  const all = Array.from({ length: CROWD }, go);
  await pause(LOAD_MS);
  phase = 'between';
  await stage.down();
  phase = 'without';
  await pause(LOAD_MS);
  phase = 'between';
  await stage.up();
  await resumed(browser);
  // A pool drops its dead connections one by one.
  await pause(NOTICE_MS);
  phase = 'again';
  await pause(LOAD_MS);
  phase = 'over';
  await Promise.all(all);
  const told = Object.entries({ ...seen, hanging }).map(([name, statuses]) => [name, [...statuses].sort()]);
  return Object.fromEntries(told);
}

/** Accepts connections, and answers whatever it is asked with the same noise. */
function startNonsense(port) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => { socket.write(NOISE); });
  });
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => { resolve({ close }); });
  });
}

/** Hands on what is said, until it is told to be mad: then every answer is noise. */
function startProxy(from, to) {
  const sockets = new Set();
  const proxy = { isMad: false };
  const server = net.createServer((client) => {
    const backend = net.connect(to, '127.0.0.1');
    for (const [one, other] of [[client, backend], [backend, client]]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => { other.destroy(); });
    }
    client.on('data', (chunk) => { backend.write(chunk); });
    backend.on('data', (chunk) => { client.write(proxy.isMad ? NOISE : chunk); });
  });
  proxy.close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve) => {
    server.listen(from, '127.0.0.1', () => { resolve(proxy); });
  });
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

module.exports = runOutage;
