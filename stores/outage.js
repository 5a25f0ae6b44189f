'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const Browser = require('./browser');
const Trace = require('./trace');
const { createApp } = require('./app');
const { freePort } = require('./port');

const CROWD = 10;
/** How long the crowd goes on before and after the server is stopped, in ms. */
const LOAD_MS = 1000;
const PACE_MS = 20;
/** For clients to notice that their server is gone, or back, in ms. */
const NOTICE_MS = 500;
const RESUME_MS = 10000;

/**
 * Runs a store whose server is down at the start, is started, is stopped under
 * load, is started again, and is at last replaced by one that talks nonsense.
 * The report has the form of `bench.js`.
 *
 * @param {Function} session
 * @param {() => Promise<object>} open must not wait for the server
 * @param {{ server: string, prepare?: Function, queues?: boolean }} outage
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
    return await play(stage, session, open, at);
  } finally {
    await stage.down();
  }
}

/** The server, which comes and goes on one port. */
class Stage {
  #server;

  constructor({ server, prepare, queues }, at) {
    this.start = require(`./backends/${server}`);
    this.prepare = prepare;
    this.queues = queues;
    this.at = at;
  }

  async up() {
    this.#server = await this.start(this.at.folder, this.at.port);
    await this.prepare?.(this.at);
    // The second time it is there already.
    this.prepare = undefined;
  }

  async down() {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }
}

async function play(stage, session, open, at) {
  const trace = new Trace({ [at.folder]: 'folder', [`127.0.0.1:${at.port}`]: 'server' });
  const store = await open();
  trace.listen(store);
  const server = http.createServer(createApp(session, store));
  trace.listen(store, ['generate']);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const saw = (path, { status, body, cookies }) => {
    trace.add({ path, status, ...trace.plain({ body, cookies }) });
  };
  const browser = () => new Browser(server.address().port, saw);

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

  await check('down at start', () => (stage.queues ? waiting(early, () => stage.up()) : refused(early)));
  if (!stage.queues) await stage.up();
  await resumed(browser);
  await check('started later', () => served(early));
  await check('a session of before', () => served(settled));
  const load = await crowd(browser, () => stage.down());
  await check('answers under load', async () => { assert.deepEqual(load.before, ['200']); });
  if (!stage.queues) {
    await check('no request hangs', async () => { assert.deepEqual(load.hanging, []); });
    await check('stopped', () => refused(settled));
    await stage.up();
  } else {
    await check('stopped', () => waiting(settled, () => stage.up()));
  }
  await resumed(browser);
  await check('started again', () => served(settled));
  await stage.down();
  if (!stage.queues) {
    const nonsense = await startNonsense(at.port);
    await pause(NOTICE_MS);
    await check('answers garbage', () => refused(settled));
    nonsense.close();
    await stage.up();
    await resumed(browser);
    await check('sense again', () => served(settled));
  }
  server.closeAllConnections();
  server.close();
  return { checks, trace: trace.sections };
}

/** Everything a program may do while the server is away; nothing may hang. */
async function refused(visitor) {
  for (const path of ['/count', '/count', '/save', '/look', '/destroy', '/regenerate']) {
    const { status, body } = await visitor.get(path);
    assert.notEqual(status, 0, `${path}: ${body}`);
  }
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

/**
 * Visitors who go on while the server is stopped.
 * @returns {Promise<{ before: string[], hanging: string[] }>} the statuses seen
 *   before the stop, and what hung at any time
 */
async function crowd(browser, stop) {
  let phase = 'before';
  const seen = { before: new Set(), after: new Set() };
  const hanging = new Set();
  const go = async () => {
    for (const visitor = browser(); phase !== 'over'; await pause(PACE_MS)) {
      const begun = phase;
      const { status, body } = await visitor.get('/count');
      // What was under way at the stop belongs to neither phase.
      if (begun === phase) seen[begun]?.add(String(status));
      if (status === 0) hanging.add(String(body));
    }
  };
  const all = Array.from({ length: CROWD }, go);
  await pause(LOAD_MS);
  phase = 'between';
  await stop();
  await pause(LOAD_MS);
  phase = 'over';
  await Promise.all(all);
  return { before: [...seen.before].sort(), hanging: [...hanging].sort() };
}

/** Accepts connections, and answers whatever it is asked with the same noise. */
function startNonsense(port) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => { socket.write('\x00\x07no protocol at all\r\n'); });
  });
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => { resolve({ close }); });
  });
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

module.exports = runOutage;
