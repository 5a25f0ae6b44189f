'use strict';

/** What the middleware leaves of the request target: npm parseurl's objects, which programs read. */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const url = require('node:url');
const { each, pair, open, ledger, original } = require('./app');
const { session } = require('../subject');

/** What can be seen of a parsed target. */
const shown = (parsed) => parsed && { isUrl: Object.getPrototypeOf(parsed) === url.Url.prototype, entries: Object.entries(parsed) };
const left = (req) => ({ url: shown(req._parsedUrl), originalUrl: shown(req._parsedOriginalUrl) });

/** Puts the middleware on an object, and tells what is there then. */
function walk(module, options, req, events = []) {
  const store = new module.MemoryStore();
  const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store, ...options });
  for (const event of events) store.emit(event);
  let end = 'waiting';
  try {
    middleware(req, {}, (error) => { end = error ? `next ${error.name}` : 'next'; });
  } catch (error) {
    end = `thrown ${error.name}`;
  }
  return { end, keys: Object.keys(req).filter((key) => key.startsWith('_parsed')), ...left(req) };
}

each('the parsed target is on the request', async (t, kind) => {
  const targets = ['/', '/in', '/in?q=1', '/in?', '/in?a?b=/c', '/%20;a=1/../x?y%23z', '//in/x', '/in#x', 'http://127.0.0.1:80/in?q', 'http://u:p@127.0.0.1/in', '/\u00a0', '*'];
  for (const mount of ['/', '/in']) {
    const told = await pair(async (module) => {
      const app = await open(t, { kind, module, mount, options: { cookie: { path: '/' } }, handler: (req, res) => { res.end(JSON.stringify(left(req))); } });
      const answers = [];
      for (const target of targets) {
        const answer = await app.raw(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        answers.push([target, answer.split('\r\n\r\n')[1]]);
      }
      return answers;
    });
    const [, [, one]] = told;
    if (mount === '/in') assert.match(one, kind === 'http' ? /"url":\{"isUrl":true/ : /"originalUrl":\{"isUrl":true.*\["pathname","\/in"\]/);
  }
});

test('it is left on every way on which the original leaves it', () => {
  const request = (more) => ({ headers: {}, url: '/app/x?y=1', ...more });
  const ways = {
    'a new session': [{}, request()],
    'in Express': [{}, request({ originalUrl: '/app/z' })],
    'no text for originalUrl': [{}, request({ originalUrl: 5 })],
    'no text for url': [{}, request({ url: 5, originalUrl: '/' })],
    'a session is there': [{}, request({ session: {} })],
    'the store is disconnected': [{}, request(), ['disconnect']],
    'outside the path of the cookie': [{ cookie: { path: '/other' } }, request()],
    'no secret': [{ secret: undefined }, request()],
    'a header that is no text': [{}, request({ headers: { cookie: 5 } })],
    'a cookie function that fails': [{ cookie() { throw new RangeError(); } }, request()],
    'genid that fails': [{ genid() { throw new RangeError(); } }, request()],
    'a sid to look for': [{ store: ledger() }, request({ headers: { cookie: 'connect.sid=s%3Aa.b' } })],
  };
  for (const [name, [options, req, events]] of Object.entries(ways)) {
    const [theirs, ours] = [original, session].map((module) => walk(module, options, { ...req }, events));
    assert.deepEqual(ours, theirs, name);
    assert.equal(theirs.keys.length, /session is|disconnected/.test(name) ? 0 : 1, name);
  }
});

test('the cookie function finds it there', () => pair((module) => {
  let found;
  const cookie = (req) => {
    found = left(req);
    return {};
  };
  walk(module, { cookie }, { headers: {}, url: '/a?b' });
  assert.ok(found.url);
  return found;
}));

test('one that is fresh stays, any other is replaced', () => pair((module) => {
  const parsed = (raw, more) => Object.assign(new url.Url(), { _raw: raw, pathname: '/else', ...more });
  const before = {
    fresh: parsed('/a?b'), stale: parsed('/a'), 'never parsed': new url.Url(), plain: { _raw: '/a?b', pathname: '/else' },
    null: null, text: '/a?b', 'without a path': parsed('/a?b', { pathname: null }), 'of a derived class': Object.assign(new (class extends url.Url {})(), { _raw: '/a?b' }),
  };
  const told = {};
  for (const [name, given] of Object.entries(before)) {
    for (const [key, field] of [['url', '_parsedUrl'], ['originalUrl', '_parsedOriginalUrl']]) {
      for (const path of ['/', '/else']) {
        const req = { headers: {}, url: '/', [key]: '/a?b', [field]: given };
        walk(module, { cookie: { path } }, req);
        told[`${name} ${key} ${path}`] = [req[field] === given, shown(req[field]), typeof req.session];
      }
    }
  }
  assert.deepEqual([told['fresh url /'][0], told['stale url /'][0], told['plain originalUrl /'][0]], [true, false, false]);
  return told;
}));
