'use strict';

// One package in a process of its own: how many of its functions a request calls, as V8
// counts them, and how often a session is turned into JSON. The task is JSON in the first
// argument; the answer is a row for each walk.

const { Session } = require('node:inspector');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { HANDLERS } = require('./scenarios');
const { Lane, drive } = require('./lane');
const sample = require('./sample');
const { cookieOf } = require('../test-kit/jar');

const WARM_UP = 20;
const COUNTED = 50;
const HOUR = 3600000;

const WALKS = [
  { name: 'MemoryStore, new', handler: 'created' },
  { name: 'MemoryStore, not looked at', handler: 'untouched', loads: true },
  { name: 'MemoryStore, read', handler: 'read', loads: true },
  { name: 'MemoryStore, written', handler: 'written', loads: true },
  { name: 'other store, new', handler: 'created', isOther: true },
  { name: 'other store, read', handler: 'read', loads: true, isOther: true },
  { name: 'other store, written', handler: 'written', loads: true, isOther: true },
];

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main({ folder }) {
  const session = createRequire(path.join(folder, 'package.json'))(folder);
  const inspector = new Session();
  inspector.connect();
  await post(inspector, 'Profiler.enable');
  await post(inspector, 'Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const rows = [];
  for (const walk of WALKS) rows.push(await walkOf(walk, session, folder, inspector));
  process.send(rows);
  process.disconnect();
}

async function walkOf({ name, handler, loads, isOther }, session, folder, inspector) {
  const store = isOther ? otherStore(session) : new session.MemoryStore();
  const middleware = session({
    secret: 'correct horse battery staple', resave: false, saveUninitialized: false, store, cookie: { maxAge: HOUR },
  });
  const app = appOf(middleware, HANDLERS[handler]);
  const lane = [new Lane()];
  let cookie = '';
  const login = appOf(middleware, (req, res) => {
    Object.assign(req.session, sample(100));
    res.end();
  });
  if (loads) {
    await drive(lane, 1, () => [], login, (res) => { cookie = cookieOf(res.getHeader('set-cookie')); });
  }
  const headers = () => ['Host', 'shop.example.com', ...(cookie ? ['Cookie', cookie] : [])];
  await drive(lane, WARM_UP, headers, app);
  await post(inspector, 'Profiler.takePreciseCoverage');
  const counter = countTexts();
  await drive(lane, COUNTED, headers, app);
  counter.stop();
  const { result } = await post(inspector, 'Profiler.takePreciseCoverage');
  return { name, calls: callsIn(result, folder) / COUNTED, texts: counter.texts / COUNTED };
}

/** Calls of functions in the package's own files; its dependencies are not among them. */
function callsIn(scripts, folder) {
  const own = pathToFileURL(path.join(folder, '/')).href;
  let calls = 0;
  for (const { url, functions } of scripts) {
    const inside = url.startsWith(own) ? url.slice(own.length) : '';
    if (inside === '' || /^(node_modules|bench)\//.test(inside)) continue;
    for (const { ranges: [{ count }] } of functions) calls += count;
  }
  return calls;
}

/** Counts the calls that turn a session, or a copy of its data, into JSON. */
function countTexts() {
  const { stringify } = JSON;
  const counter = { texts: 0, stop: () => { JSON.stringify = stringify; } };
  JSON.stringify = function counted(value, ...rest) {
    if (value?.user) counter.texts++;
    return stringify(value, ...rest);
  };
  return counter;
}

/** A store as others write them, which answers in a later turn. */
function otherStore({ Store }) {
  const texts = new Map();
  return Object.assign(new Store(), {
    get(sid, callback) {
      const text = texts.get(sid);
      setImmediate(callback, null, text && JSON.parse(text));
    },
    set(sid, session, callback) {
      texts.set(sid, JSON.stringify(session));
      setImmediate(callback);
    },
    touch(sid, session, callback) {
      setImmediate(callback);
    },
    destroy(sid, callback) {
      texts.delete(sid);
      setImmediate(callback);
    },
  });
}

function appOf(middleware, handler) {
  return function app(req, res) {
    middleware(req, res, (error) => {
      if (error) throw error;
      handler(req, res);
    });
  };
}

function post(inspector, method, parameters) {
  return new Promise((resolve, reject) => {
    inspector.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
