'use strict';

/** Properties of what index.js exports: the classes, their methods, and `session()`. */

const assert = require('node:assert/strict');
const http = require('node:http');
const { promisify } = require('node:util');
const fc = require('fast-check');
const session = require('../..');
const { anything, attempt, is, make, sid, text, thrown } = require('./specs');

const { Cookie, MemoryStore, Session, Store } = session;

const turn = promisify(setImmediate);

/** What came to nobody; a hostile value's own error is not among them. */
const strays = [];
process.on('uncaughtException', (error) => { if (error !== thrown) strays.push(error); });

/** What is passed as a callback and is none is told so when it would be called. */
const NO_CALLBACK = /not a function|cannot be invoked without 'new'/;

/** Where this package's own code is, in the first line of a stack. */
const OWN = /^.*\n +at .*[\\/]session[\\/][\w-]+\.js:/;

/** Of errors thrown in a later turn: an odd callback may throw, this package may not. */
function assertNoStrays() {
  const first = strays.splice(0).find((error) => OWN.test(error.stack) && !NO_CALLBACK.test(error.message));
  if (first) throw first;
}

const methods = (made) => [...new Set([...Object.getOwnPropertyNames(made), ...Object.getOwnPropertyNames(Object.getPrototypeOf(made))])]
  .filter((name) => name !== 'constructor' && typeof Object.getOwnPropertyDescriptor(made, name)?.value === 'function');

/** The classes, with how one of each is made, and which methods and fields it has. */
const classes = {
  Cookie: { make: () => new Cookie(), methods: methods(Cookie.prototype), fields: ['expires', 'maxAge', 'data', 'originalMaxAge', 'path', 'domain', 'secure', 'sameSite', 'priority', 'partitioned', 'httpOnly', '_expires'] },
  Session: { make: newSession, methods: methods(Session.prototype), fields: ['cookie', 'id', 'req', 'a', '__proto__', 'save'] },
  Store: { make: () => new Store(), methods: methods(Store.prototype), fields: ['generate', 'get', 'destroy'] },
  MemoryStore: { make: () => new MemoryStore(), methods: methods(MemoryStore.prototype), fields: ['sessions', 'get', 'generate'] },
};

function newSession() {
  const store = new MemoryStore();
  store.generate = (req) => { req.session = new Session(req); };
  const its = new Session({ sessionID: 'a', sessionStore: store });
  its.req.session = its;
  its.cookie = new Cookie();
  return its;
}

/** Every export and method is known here: a new one must be tried, too. */
exports.known = () => fc.property(fc.constant(classes), () => {
  assert.deepEqual(Object.keys(session).sort(), Object.keys(classes).sort());
  assert.deepEqual(classes.Cookie.methods.sort(), ['serialize', 'toJSON']);
  assert.deepEqual(classes.Session.methods.sort(), ['destroy', 'regenerate', 'reload', 'resetMaxAge', 'save', 'touch']);
  assert.deepEqual(classes.Store.methods.sort(), ['createSession', 'load', 'regenerate']);
  for (const name of ['all', 'clear', 'destroy', 'get', 'ids', 'length', 'prune', 'set', 'startInterval', 'stats', 'stopInterval', 'touch']) assert.ok(classes.MemoryStore.methods.includes(name), name);
});

const step = fc.constantFrom(...Object.keys(classes)).chain((name) => fc.oneof(
  fc.record({ of: fc.constant(name), call: fc.constantFrom(...classes[name].methods), args: fc.array(anything, { maxLength: 4 }), self: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: anything }) }),
  fc.record({ of: fc.constant(name), set: fc.constantFrom(...classes[name].fields), to: anything }),
  fc.record({ of: fc.constant(name), construct: fc.array(anything, { maxLength: 2 }) }),
));

/** Any method of any class, with any arguments and any `this`; any field set to anything. */
exports.classes = (trace) => fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
  const made = Object.fromEntries(Object.entries(classes).map(([name, its]) => [name, its.make()]));
  for (const one of steps) {
    trace(one);
    const object = made[one.of];
    attempt(() => {
      if (one.call) return Reflect.apply(session[one.of].prototype[one.call], one.self ? make(one.self) : object, one.args.map((spec) => make(spec)));
      if (one.set) return Reflect.set(object, one.set, make(one.to));
      return (made[one.of] = Reflect.construct(session[one.of], one.construct.map((spec) => make(spec))));
    });
    attempt(() => JSON.stringify(object));
    attempt(() => Object.entries(object));
  }
  await turn();
  assertNoStrays();
  assert.equal(new Cookie({ domain: 'example.com' }).serialize('sid', 'a b'), 'sid=a%20b; Domain=example.com; Path=/; HttpOnly');
});

const action = fc.oneof(
  fc.record({ set: sid, value: anything, cookie: anything, proto: fc.boolean() }),
  fc.record({ touch: sid, cookie: anything }),
  fc.record({ text: sid, is: fc.oneof(anything, is(text)) }),
  fc.record({ get: sid }),
  fc.record({ destroy: sid }),
  fc.record({ odd: fc.constantFrom('get', 'set', 'touch', 'destroy'), sid: anything }),
  fc.constantFrom({ prune: true }, { clear: true }, { all: true }),
);

/** Sessions that hold anything: what JSON shows of them is what the store hands back. */
exports.memory = (trace) => fc.asyncProperty(fc.array(action, { maxLength: 15 }), async (actions) => {
  const store = new MemoryStore({ checkPeriod: false });
  for (const one of actions) {
    trace(one);
    attempt(() => {
      if ('set' in one) return setAndCheck(store, one);
      if ('touch' in one) return store.touch(one.touch, { cookie: make(one.cookie) }, () => {});
      if ('text' in one) return (store.sessions[one.text] = make(one.is));
      if ('get' in one) return store.get(one.get, () => {});
      if ('destroy' in one) return store.destroy(one.destroy, () => {});
      if ('odd' in one) return store[one.odd](make(one.sid), one.odd === 'set' || one.odd === 'touch' ? { cookie: {} } : () => {}, () => {});
      if (one.prune) return store.prune();
      return one.clear ? store.clear(() => {}) : store.all(() => {});
    });
    const { sessions } = store.stats();
    assert.equal(Object.keys(store.sessions).length, sessions);
  }
  await turn();
  assertNoStrays();
  store.clear();
  assert.deepEqual([store.stats().sessions, store.stats().bytes], [0, 0]);
});

function setAndCheck(store, { set, value, cookie }) {
  const given = { cookie: make(cookie), value: make(value) };
  const shown = JSON.stringify(given);
  store.set(set, given, () => {});
  // A getter may show another thing each time.
  if (JSON.stringify(given) === shown) assert.deepEqual(JSON.parse(store.sessions[set]), JSON.parse(shown));
}

/** What a getter, a `toJSON`, a `toString` or an option does to a store that called it. */
const inner = fc.constantFrom('clear', 'destroy', 'set', 'prune', 'all', 'assign', 'touch', 'throw', 'collect');

function act(store, what) {
  const plain = { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } };
  switch (what) {
    case 'clear': return store.clear();
    case 'destroy': return store.destroy('a');
    case 'set': return store.set('a', plain);
    case 'prune': return store.prune();
    case 'all': return store.all(() => {});
    case 'assign': store.sessions = { a: '{}', b: 'no JSON' }; return undefined;
    case 'touch': return store.touch('a', plain);
    case 'collect': return global.gc?.();
    default: throw thrown;
  }
}

const outer = fc.record({ at: fc.constantFrom('toJSON', 'getter', 'cookie', 'expires', 'sid', 'ttl', 'text', 'callback', 'ownKeys'), does: fc.array(inner, { minLength: 1, maxLength: 3 }), how: fc.constantFrom('set', 'touch', 'put') });

/** A store that is called in the middle of its own call is whole afterwards, and no lock is held. */
exports.reentry = (trace) => fc.asyncProperty(fc.array(outer, { maxLength: 8 }), fc.constantFrom({}, { max: 1 }, { max: 3, maxBytes: 2000 }), async (steps, bounds) => {
  let onTtl = () => {};
  const store = new MemoryStore({ ...bounds, checkPeriod: false, ttl: () => (onTtl(), 1000), dispose: () => {} });
  for (const { at, does, how } of steps) {
    trace(at, does, how);
    let left = 3;
    const go = () => { if (left-- > 0) for (const what of does) act(store, what); };
    const cookie = { originalMaxAge: null, expires: null };
    const value = { cookie, n: 1 };
    let key = 'a';
    onTtl = at === 'ttl' ? go : () => {};
    if (at === 'toJSON') value.toJSON = () => (go(), { cookie, n: 2 });
    if (at === 'getter') Object.defineProperty(value, 'n', { enumerable: true, get: () => (go(), 3) });
    if (at === 'cookie') Object.defineProperty(value, 'cookie', { enumerable: true, get: () => (go(), cookie) });
    if (at === 'expires') Object.defineProperty(cookie, 'expires', { enumerable: true, get: () => (go(), null) });
    if (at === 'sid') key = { toString: () => (go(), 'a') };
    const given = at === 'ownKeys' ? new Proxy(value, { ownKeys: (target) => (go(), Reflect.ownKeys(target)) }) : value;
    attempt(() => {
      if (at === 'text') store.sessions.a = { toString: () => (go(), '{}') };
      else if (how === 'touch') store.touch(key, given, at === 'callback' ? () => attempt(go) : () => {});
      else store.set(key, given, at === 'callback' ? () => attempt(go) : () => {});
    });
    onTtl = () => {};
    assert.equal(Object.keys(store.sessions).length, store.stats().sessions);
    await turn();
  }
  assertNoStrays();
  store.clear();
  assert.deepEqual([store.stats().sessions, store.stats().bytes], [0, 0]);
});

const names = ['cookie', 'genid', 'key', 'name', 'proxy', 'resave', 'rolling', 'saveUninitialized', 'secret', 'store', 'unset'];
const right = {
  cookie: is(fc.constantFrom({ maxAge: 1000 }, { secure: 'auto' }, { sameSite: 'auto', path: '/' })), genid: fc.constant({ maker: -1 }), secret: is(fc.constant('keyboard')),
  store: fc.constant({ is: undefined }), unset: is(fc.constantFrom('keep', 'destroy')), name: is(fc.constantFrom('sid', 'connect.sid')),
};
const options = fc.record(Object.fromEntries(names.map((name) => [name, fc.oneof({ weight: 2, arbitrary: right[name] ?? is(fc.boolean()) }, { weight: 1, arbitrary: anything })])), { requiredKeys: ['secret'] });
const request = fc.record({ url: fc.oneof(is(fc.constant('/')), anything), originalUrl: anything, headers: fc.oneof(is(fc.record({ cookie: text })), is(fc.constant({})), anything), secret: anything, sessionID: anything, cookies: anything, signedCookies: anything, connection: anything, session: anything }, { requiredKeys: ['url', 'headers'] });

/** `session()` of any options, and what it makes with any request. */
exports.options = (trace) => fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: options }, { weight: 1, arbitrary: anything }), fc.array(request, { minLength: 1, maxLength: 3 }), async (given, requests) => {
  trace(given, requests);
  const made = (spec) => (spec.maker === -1 ? () => 'own' : make(spec));
  const values = names.some((name) => name in given) ? Object.fromEntries(Object.entries(given).map(([name, spec]) => [name, made(spec)])) : made(given);
  const middleware = attempt(() => session(values))?.answer;
  for (const one of middleware ? requests : []) {
    const req = Object.assign(new http.IncomingMessage(), { method: 'GET' });
    const res = new http.ServerResponse(req);
    // `headers` of a real request is a getter.
    for (const [name, spec] of Object.entries(one)) attempt(() => Object.defineProperty(req, name, { value: make(spec), writable: true, configurable: true, enumerable: true }));
    attempt(() => middleware(req, res, () => {
      attempt(() => { if (req.session) req.session.n = 1; });
      attempt(() => res.end('done'));
    }));
    attempt(() => middleware(req, {}, () => {}));
  }
  await turn();
  assertNoStrays();
  assert.equal(typeof session({ secret: 'keyboard', resave: false, saveUninitialized: false }), 'function');
});
