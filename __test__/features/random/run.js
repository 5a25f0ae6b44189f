'use strict';

/** Runs a scenario, and returns what was seen of each of its requests: what model.js foretells. */

const { createHmac } = require('node:crypto');
const http = require('node:http');
const { Readable } = require('node:stream');
const { createApp } = require('../../../test-kit/app');
const { Jar } = require('../../../test-kit/jar');
const { startClock } = require('../../parity/differential/clock');
const { hasStalled, turn } = require('../../parity/differential/turns');
const { session } = require('../../subject');
const { START, TICK, REFUSED, metaWritten } = require('./model');
const { createStore, recordsOf, writeMeta } = require('./store');
const unhashed = require('../../users/unhashed');

const NAME = 'connect.sid';
const BODY_HEADERS = ['etag', 'content-type', 'content-language', 'last-modified'];
/** Turns in which all is done that nobody waits for. */
const IDLE_TURNS = 8;

/**
 * @param {object} scenario of generate.js
 * @param {{ port: number, handle?: Function }} listener the server of the process
 * @param {http.Agent} agent
 * @returns {Promise<object[]>}
 */
async function runScenario(scenario, listener, agent) {
  const run = { calls: [], events: [], unanswered: new Set(), unhandled: [], isCalling: false, isHandling: false, isResponding: false, clock: startClock(START) };
  const hear = (reason) => { run.unhandled.push(textOf(reason)); };
  process.on('unhandledRejection', hear);
  process.setUncaughtExceptionCaptureCallback(hear);
  try {
    return await play(run, scenario, listener, agent);
  } finally {
    process.off('unhandledRejection', hear);
    process.setUncaughtExceptionCaptureCallback(null);
    run.clock.stop();
    listener.handle = undefined;
  }
}

async function play(run, scenario, listener, agent) {
  const { options, kind } = scenario;
  const secrets = Array.from({ length: scenario.secrets }, (_, index) => `secret ${index}`);
  const store = run.store = createStore(scenario.store, run);
  const skip = options.skip && ((req) => {
    if (req.url === '/app/throws') throw new Error('skip failed');
    return req.url === '/app/static';
  });
  const merge = MERGES[options.merge] ?? options.merge;
  const middleware = session({ ...options, merge, cookie: { ...options.cookie }, skip, proxy: true, secret: secrets, store: options.hashIds ? unhashed(store) : store });
  const fail = (error, req, res) => {
    run.isResponding = true;
    if (res.headersSent) {
      run.events.push(['next, too late for a page', textOf(error)]);
      return;
    }
    run.events.push(['next', textOf(error), res.statusCode]);
    res.statusCode = 500;
    res.end(`page: ${textOf(error)}`);
  };
  const app = createApp({
    kind,
    layers: [middleware],
    routes: (req, res, next) => {
      run.isHandling = true;
      handle(run, req, res).catch(next).finally(() => { run.isHandling = false; });
    },
    fail,
  });
  listener.handle = (req, res) => {
    watchBytes(req.socket);
    req.socket.run = run;
    // A second error of a request leaves an app of Express.
    app(req, res, (error) => fail(error, req, res));
  };
  const jar = new Jar();
  /** The cookie that the visitor had before. */
  let older;
  const seen = [];
  for (const request of scenario.requests) {
    run.clock.advance(request.advance);
    Object.assign(run, { request, port: listener.port, agent, calls: [], events: [], unhandled: [], atFirstByte: undefined, isResponding: false });
    if ('written' in request) writeMeta(store, sidIn(jar.get(NAME)), metaWritten(request.written, Date.now()));
    const headers = run.headers = {
      ...(request.cookie === 'older' ? older && { cookie: `${NAME}=${older}` } : headerOfCookie(request.cookie, jar, secrets)),
      ...(request.https && { 'x-forwarded-proto': 'https' }),
    };
    const upgrade = request.upgrade && { connection: 'Upgrade', upgrade: 'websocket' };
    const answer = await ask(run, { port: listener.port, path: request.path, method: request.method, headers: { ...headers, ...upgrade }, agent });
    // A client that gets no body has all before the program is done.
    if (await hasStalled(run, () => !run.isHandling, () => run.unanswered.size > 0)) answer.isHang = true;
    await quiet(run);
    if (answer.isHang) return [...seen, { hang: true, events: run.events, calls: run.calls }];
    const before = jar.get(NAME);
    if (!request.lost) jar.take(answer.cookies);
    if (before !== undefined && jar.get(NAME) !== before) older = before;
    seen.push(seenOf(run, answer, secrets));
  }
  return seen;
}

/** Sees when the first byte of a response leaves, which may be one of early hints. */
function watchBytes(socket) {
  if (socket.run) return;
  const { write } = socket;
  socket.write = function watched(chunk, ...rest) {
    const { run } = socket;
    if (!String(chunk).startsWith('HTTP/1.1 103')) run.atFirstByte ??= methodsOf(run, ['set', 'destroy']);
    return write.call(this, chunk, ...rest);
  };
}

/** The methods of the store that have not answered yet, and were not called by the program. */
function methodsOf({ unanswered }, names = ['set', 'destroy', 'touch']) {
  return [...unanswered].filter(({ method, isOfProgram }) => !isOfProgram && names.includes(method)).map(({ method }) => method);
}

/** Waits until all calls of the store are answered, and what follows from that is done. */
async function quiet({ unanswered }) {
  for (let idle = 0; idle < IDLE_TURNS; idle++) {
    await turn();
    if (unanswered.size > 0) idle = 0;
  }
}

// The program.

async function handle(run, req, res) {
  const { request: { steps, response } } = run;
  for (const step of steps) await take(run, step, req, res);
  if (response.refused) {
    const { session } = req;
    if (session) session.refused = 1n;
  }
  run.isResponding = true;
  await responses[response.kind](res, response, {
    tellSent: () => { run.events.push(['sent', res.headersSent]); },
    tellWrite: (value) => { run.events.push(['write', value]); },
    beLate: async () => {
      if (response.late.length === 0) return;
      if (!response.hurries) await quiet(run);
      for (const step of response.late) await take(run, step, req, res);
    },
  });
}

async function take(run, step, req, res) {
  switch (step.do) {
    case 'header': res.setHeader(step.name, step.value); return;
    case 'hints': res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }); return;
    case 'tick': run.clock.advance(TICK); return;
    case 'null': if ('session' in req) req.session = null; return;
  }
  if (step.do === 'meanwhile') {
    await askMeanwhile(run, step);
    return;
  }
  const { session } = req;
  if (!session) return;
  switch (step.do) {
    case 'set': session[step.key] = structuredClone(step.value); return;
    case 'delete': delete session[step.key]; return;
    case 'push': if (Array.isArray(session[step.key])) session[step.key].push(2); return;
    case 'look': run.events.push(['look', dataOf(session)]); return;
    case 'maxAge': session.cookie.maxAge = step.ms; return;
    case 'meta': session._meta = structuredClone(step.value); return;
    case 'no meta': delete session._meta; return;
    case 'touch': session.touch(step.renews); return;
    case 'end elsewhere':
      // As a logout in another request does it.
      await asked(req.sessionStore, 'destroy', req.sessionID);
      return;
  }
  await call(run, session, step);
}

/** Sends another request with the same cookie, and waits until it is over. */
async function askMeanwhile(run, { steps }) {
  const { request, isResponding } = run;
  run.request = { steps, response: { kind: 'end', body: 'xxx' } };
  run.pending = 1;
  const { port, agent, headers } = run;
  const { status, isHang } = await ask(run, { port, path: '/app/page', headers, agent });
  await quiet(run);
  Object.assign(run, { request, isResponding, pending: 0, isHandling: true, atFirstByte: undefined });
  run.events.push(['meanwhile', isHang ? 'hang' : status]);
}

/** Calls a method of the store, which answers by a callback or by its promise, and may fail. */
const asked = (store, method, sid) => new Promise((resolve) => {
  const promise = store[method](sid, resolve);
  if (store[method].length < 2) promise.then(resolve, resolve);
});

/** Calls a method of a session that calls the store. */
async function call(run, session, { do: name, how, keep }) {
  const args = name === 'keep' ? [{ keep }] : [];
  const method = name === 'keep' ? 'regenerate' : name;
  run.isCalling = true;
  if (how === 'callback') {
    const outcome = new Promise((resolve) => { session[method](...args, resolve); });
    run.isCalling = false;
    run.events.push([name, textOf(await outcome)]);
    return;
  }
  const promise = session[method](...args);
  run.isCalling = false;
  if (how === 'promise') run.events.push([name, textOf(await promise.then(() => undefined, (error) => error))]);
  else if (how === 'forget') await quiet(run);
}

const responses = {
  end(res, { body, again }, { tellSent }) {
    if (body) res.end(body);
    else res.end();
    tellSent();
    if (again) res.end('again');
  },
  send(res, { body }, { tellSent }) { res.send(body); tellSent(); },
  json(res, { body }, { tellSent }) { res.json({ body }); tellSent(); },
  redirect(res, _response, { tellSent }) { res.redirect('/next'); tellSent(); },
  empty(res, { status }, { tellSent }) { res.statusCode = status; res.end(); tellSent(); },
  throw() { throw new Error('thrown'); },
  pipe(res, { chunks }) { Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(res); },
  async burst(res, { chunks, late }, { tellSent, tellWrite, beLate }) {
    const [first, ...rest] = chunks;
    const last = rest.pop();
    tellWrite(res.write(first));
    for (const chunk of rest) res.write(chunk);
    if (late.length === 0) res.end(last);
    tellSent();
    await beLate();
    if (late.length > 0) res.end(last);
  },
  async head(res, { status, headers, sized, body, late }, { tellSent, beLate }) {
    res.writeHead(status, 'Told', { ...headers, ...(sized && { 'Content-Length': body.length }) });
    if (late.length === 0) res.end(body);
    tellSent();
    await beLate();
    if (late.length > 0) res.end(body);
  },
  async flush(res, { body, late }, { tellSent, beLate }) {
    res.flushHeaders();
    if (late.length === 0) res.end(body);
    tellSent();
    await beLate();
    if (late.length > 0) res.end(body);
  },
};

const dataOf = ({ cookie: _cookie, _meta, ...data }) => structuredClone(data);

/** Functions for the option `merge`, by the names of generate.js. */
const MERGES = {
  'all three': (key, base = null, mine = null, theirs = null) => ({ base, mine, theirs }),
  'only cart'(key, base, mine, theirs) {
    if (key !== 'cart') throw new Error(`cannot merge ${key}`);
    return theirs ?? null;
  },
};

function textOf(error) {
  if (!error) return 'ok';
  const { message } = error;
  return /BigInt/.test(message) ? REFUSED : message;
}

// The visitor.

const sidIn = (cookie) => /^s%3A([\w-]+)\./.exec(cookie)?.[1];

function headerOfCookie(kind, jar, secrets) {
  const sid = sidIn(jar.get(NAME));
  const header = (id, signature) => ({ cookie: `${NAME}=${encodeURIComponent(`s:${id}.${signature}`)}` });
  if (kind === 'unknown') return header('u'.repeat(32), sign('u'.repeat(32), secrets[0]));
  if (kind === 'none' || !sid) return {};
  if (kind === 'forged') return header(sid, sign(sid, 'no secret of theirs'));
  return header(sid, sign(sid, kind === 'jar' ? secrets[0] : secrets.at(-1)));
}

const sign = (sid, secret) => createHmac('sha256', secret).update(sid).digest('base64').replace(/=+$/, '');

function ask(run, options) {
  return new Promise((resolve) => {
    const request = http.request({ host: '127.0.0.1', ...options });
    let hints = 0;
    let body = '';
    let isOver = false;
    const finish = (answer) => { isOver = true; resolve(answer); };
    const hang = () => { finish({ isHang: true }); request.destroy(); };
    hasStalled(run, () => isOver, () => run.unanswered.size > 0).then((isStuck) => { if (isStuck) hang(); });
    request.on('information', () => { hints += 1; });
    request.on('error', hang);
    request.on('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (part) => { body += part; });
      response.on('error', hang);
      response.on('end', () => {
        const { statusCode: status, statusMessage: message, headers } = response;
        finish({ status, message, headers, body, hints, cookies: headers['set-cookie'] ?? [], unansweredAtEnd: methodsOf(run) });
      });
    });
    request.end();
  });
}

/** What was seen, in the shape in which model.js foretells it. */
function seenOf(run, { status, message, headers, body, hints, cookies, unansweredAtEnd }, secrets) {
  return {
    status,
    message,
    body,
    cookies: cookies.map((text) => unsigned(text, secrets[0])),
    headers: { 'vary': headers.vary, 'cache-control': headers['cache-control'], 'x-app': headers['x-app'] },
    bodyHeaders: BODY_HEADERS.filter((name) => headers[name] !== undefined),
    hints,
    events: run.events,
    calls: run.calls,
    unansweredAtFirstByte: run.atFirstByte,
    unansweredAtEnd,
    unhandled: run.unhandled,
    records: recordsOf(run.store),
  };
}

function unsigned(text, secret) {
  const value = /^connect\.sid=([^;]+)/.exec(text)?.[1];
  if (!value) return text;
  const sid = decodeURIComponent(value).slice(2, 34);
  const isRight = decodeURIComponent(value) === `s:${sid}.${sign(sid, secret)}`;
  return isRight ? text.replace(value, `signed by the first secret: ${sid}`) : text;
}

module.exports = { runScenario };
