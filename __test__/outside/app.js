'use strict';

/** What the tests of sessions outside a request share. */

const { open, write } = require('../compat/app');
const { stores } = require('../features/merge/stores');
const { records } = require('../features/stores');
const { session } = require('../subject');

const SECRET = 'keyboard';

/** An app with a store of a kind, whose `sessions` is the middleware. */
async function opened(t, makeStore, options = {}) {
  const store = makeStore();
  if (store.close) t.after(() => store.close());
  const sessions = session({ secret: SECRET, resave: false, saveUninitialized: false, store, ...options });
  const app = await open(t, { middleware: sessions });
  return { ...app, sessions, store, records: () => records(store) };
}

/** The same with a visitor who has `n: 1` in the session. */
async function visited(t, makeStore, options = {}) {
  const app = await opened(t, makeStore, options);
  await app.visit(write);
  const [sid] = Object.keys(await app.records());
  return { ...app, sid, cookie: app.jar.header };
}

const ENDED = { name: 'SessionEnded', code: 'ERR_SESSION_ENDED' };

module.exports = { ENDED, SECRET, opened, stores, visited };
