'use strict';

/**
 * A program that has express-session, a store for it and nothing else of ours.
 * Copied into a temporary folder; prints what it saw as JSON.
 */
const http = require('node:http');
const { once } = require('node:events');

const session = require('express-session');
const Cookie = require('express-session/session/cookie');
const MemoryStore = require('express-session/session/memory.js');
const Session = require('express-session/session/session');
const Store = require('express-session/session/store.js');

const { MapStore } = require('map-store');
const OldStore = require('old-store')(session);

async function main() {
  const { default: EsmStore, seen } = await import('esm-store');
  const esm = await import('express-session');

  const report = {
    deep: [
      Cookie === session.Cookie,
      MemoryStore === session.MemoryStore,
      Session === session.Session,
      Store === session.Store,
    ],
    subclasses: [MapStore, OldStore, EsmStore].map((store) => store.prototype instanceof session.Store),
    named: ['Cookie', 'MemoryStore', 'Session', 'Store'].map((name) => esm[name] === session[name]),
    fromEsmStore: seen(session),
    default: esm.default === session,
    stores: {},
  };

  for (const [name, store] of Object.entries({
    memory: new session.MemoryStore(),
    map: new MapStore(),
    old: new OldStore(),
    esm: new EsmStore(),
  })) {
    report.stores[name] = await visit(store);
  }

  console.log(JSON.stringify(report));
}

/** Three requests of one visitor on that store. */
async function visit(store) {
  const use = session({ secret: 'layout', resave: false, saveUninitialized: false, genid: () => 'the-id', store });
  const server = http.createServer((req, res) => use(req, res, () => {
    req.session.n = (req.session.n || 0) + 1;
    res.end(`${req.session.n} ${req.session instanceof session.Session} ${req.session.cookie instanceof session.Cookie}`);
  }));

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const answers = [];
  let cookie;

  for (let i = 0; i < 3; i++) {
    const request = http.get({
      host: '127.0.0.1',
      port: server.address().port,
      agent: false,
      headers: cookie ? { cookie } : {},
    });
    const [response] = await once(request, 'response');
    let body = '';
    for await (const chunk of response) body += chunk;

    const set = response.headers['set-cookie'];
    if (set) cookie = set[0].split(';')[0];
    answers.push([response.statusCode, set, body]);
  }

  server.close();
  return { answers, calls: store.calls };
}

main();
