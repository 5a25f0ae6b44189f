'use strict';

/** Properties of the middleware in a server, asked over a real connection. */

const assert = require('node:assert/strict');
const http = require('node:http');
const fc = require('fast-check');
const session = require('../..');
const native = require('../../session/native/load');
const { serve } = require('../../test-kit/app');
const { raw } = require('../../test-kit/client');
const { cookieOf } = require('../../test-kit/jar');
const { anything, make, text, thrown } = require('./specs');

const SECRET = 'keyboard';
const keys = native.prepareKeys([Buffer.from(SECRET)]);

/**
 * Errors that came to nobody. Not among them: a hostile value's own.
 */
const strays = [];
process.on('uncaughtException', (error) => {
  if (error !== thrown) strays.push(error);
});

let handler;
let base;

/** A server with the session, whose errors go to an error page. */
async function served() {
  if (base) return base;
  const store = new session.MemoryStore({ max: 1000, checkPeriod: false });
  const middleware = session({ secret: SECRET, name: 'sid', resave: false, saveUninitialized: false, store });
  const server = http.createServer({ maxHeaderSize: 1 << 20 }, (req, res) => {
    const page = (error) => {
      if (res.headersSent) return res.destroy();
      res.statusCode = 500;
      res.end(`error ${typeof error}`);
    };
    try {
      middleware(req, res, (error) => {
        if (error) return page(error);
        try {
          handler(req, res);
        } catch (own) {
          page(own);
        }
      });
    } catch (own) {
      page(own);
    }
  });
  base = { port: (await serve(server)).port, store };
  return base;
}

/**
 * Sends bytes, and reads one response to its end.
 * @param {Buffer[]} lines of the header
 */
async function ask(lines) {
  const { port } = await served();
  const answer = await raw(port, Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'), ...lines, Buffer.from('\r\n')]));
  const responses = answer.match(/^HTTP\/1\.1 \d{3}/gm) || [];
  assert.equal(responses.length, 1, `${responses.length} responses: ${answer.slice(0, 300)}`);
  return { status: Number(responses[0].slice(-3)), body: answer.slice(answer.indexOf('\r\n\r\n') + 4), cookie: cookieOf(/^set-cookie: (.*)/im.exec(answer)?.[1]) };
}

async function assertServes() {
  handler = (req, res) => { req.session.n = (req.session.n || 0) + 1; res.end(String(req.session.n)); };
  const { status, cookie } = await ask([]);
  assert.equal(status, 200);
  const again = await ask([Buffer.from(`Cookie: ${cookie}\r\n`)]);
  assert.deepEqual([again.status, again.body.includes('2')], [200, true]);
  const [stray] = strays.splice(0);
  if (stray) throw stray;
}

const byte = fc.oneof({ weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) }, { weight: 3, arbitrary: fc.constantFrom(...Buffer.from('sid=;,%".: \t\0\xffs3A', 'latin1')) });
const bytes = fc.array(byte, { maxLength: 60 }).map((list) => Buffer.from(list));
const signed = fc.oneof(text, fc.integer({ min: 200, max: 9000 }).map((length) => 'x'.repeat(length))).map((sid) => Buffer.from(`sid=${native.signedCookieValue(sid.replace(/[\ud800-\udfff]/g, ''), keys)}`));
const cookieLine = fc.tuple(fc.array(fc.oneof(bytes, signed), { minLength: 1, maxLength: 4 }), fc.boolean()).map(([parts, isSplit]) => (isSplit
  ? Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from('Cookie: '), part, Buffer.from('\r\n')])))
  : Buffer.concat([Buffer.from('Cookie: '), ...parts.flatMap((part) => [part, Buffer.from('; ')]), Buffer.from('\r\n')])));

/** Any bytes as Cookie headers: one answer each, and never a session of another's making. */
exports.headers = (trace) => fc.asyncProperty(cookieLine, async (line) => {
  trace(line.toString('latin1'));
  let seen;
  handler = (req, res) => { seen = [req.sessionID, req.session.n]; res.end('seen'); };
  const { status } = await ask([line]);
  if (status === 200) {
    assert.match(seen[0], /^[\w-]{32}$/, 'an id that the store does not know is never adopted');
    assert.equal(seen[1], undefined);
  }
  await assertServes();
});

const change = fc.oneof(
  fc.record({ key: text, value: anything }),
  fc.record({ session: anything }),
  fc.record({ cookie: fc.constantFrom('expires', 'maxAge', 'originalMaxAge', 'path', 'domain', 'secure', 'sameSite', 'priority', 'partitioned', 'httpOnly'), value: anything }),
  fc.record({ wholeCookie: anything }),
  fc.record({ deep: fc.constantFrom(30, 40, 5000, 100000), kind: fc.constantFrom('array', 'object') }),
  fc.record({ keys: fc.constantFrom(10, 3000) }),
  fc.constantFrom({ call: 'save' }, { call: 'touch' }, { call: 'reload' }, { call: 'destroy' }, { call: 'regenerate' }, { own: 'toJSON' }, { own: 'getter' }, { own: 'number' }),
);

function apply(req, one) {
  const { session: its } = req;
  if ('key' in one) its[one.key] = make(one.value);
  if ('session' in one) req.session = make(one.session);
  if ('cookie' in one) its.cookie[one.cookie] = make(one.value);
  if ('wholeCookie' in one) its.cookie = make(one.wholeCookie);
  if ('deep' in one) {
    let value = 1;
    for (let depth = 0; depth < one.deep; depth++) value = one.kind === 'array' ? [value] : { a: value };
    its.deep = value;
  }
  if ('keys' in one) for (let n = 0; n < one.keys; n++) its[`k${n}`] = n;
  if ('call' in one) its[one.call](() => {});
  if (one.own === 'toJSON') its.toJSON = () => { throw thrown; };
  if (one.own === 'getter') Object.defineProperty(its, 'bad', { enumerable: true, configurable: true, get() { throw thrown; } });
  if (one.own === 'number') its.big = 5n;
}

/** Anything on, in, or in place of `req.session`: one answer, and the next request is served. */
exports.values = (trace) => fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), async (changes, isKnown) => {
  trace(changes, isKnown);
  let line = Buffer.alloc(0);
  if (isKnown) {
    handler = (req, res) => { req.session.from = 'before'; res.end(); };
    line = Buffer.from(`Cookie: ${(await ask([])).cookie}\r\n`);
  }
  handler = (req, res) => {
    try {
      for (const one of changes) apply(req, one);
    } finally {
      res.end('changed');
    }
  };
  await ask([line]);
  // What is stored now must not stop the next request.
  handler = (req, res) => { JSON.stringify(req.session); res.end('read'); };
  await ask([line]);
  await assertServes();
});
