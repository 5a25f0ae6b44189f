'use strict';

const { subscribe } = require('node:diagnostics_channel');
const Module = require('node:module');
const path = require('node:path');
const { promisify } = require('node:util');
const keepLoggedOut = require('../redis');

const OURS = path.join(__dirname, '..');
const SECRET = 'correct horse battery staple';

/**
 * What is compared. `session` names the package that makes the middleware, or a
 * folder that has it.
 */
const SUBJECTS = [
  { name: 'express-session-rs', session: OURS, store: 'own' },
  { name: 'express-session', session: 'express-session', store: 'own' },
  { name: 'memorystore', session: 'express-session', store: 'memorystore' },
  { name: 'cookie-session', session: 'cookie-session', store: 'none' },
];

/**
 * What the mode `--disk` compares: stores that survive a restart, and express-session in memory
 * as the measure.
 */
const DISK_SUBJECTS = [
  { name: 'DiskStore', session: OURS, store: 'disk' },
  { name: 'express-session', session: 'express-session', store: 'own' },
  { name: 'express-session-rs, MemoryStore', session: OURS, store: 'own' },
  { name: 'express-session-rs, connect-redis', session: OURS, store: 'redis' },
  { name: 'better-sqlite3-session-store', session: 'express-session', store: 'better-sqlite3', folder: 'native' },
  { name: 'session-file-store', session: 'express-session', store: 'files', folder: '' },
];

/**
 * What the mode `--features` compares: this package with one option that only it has, and with none; or with
 * subscribers of `channels`.
 * `measure` is the subject to which the ratio is, if that is not express-session in memory.
 */
const FEATURE_SUBJECTS = [
  { name: 'none', session: OURS, store: 'own' },
  { name: 'express-session', session: 'express-session', store: 'own' },
  { name: "commit: 'headers'", session: OURS, store: 'own', options: { commit: 'headers' } },
  { name: 'clearCookie', session: OURS, store: 'own', options: { clearCookie: true } },
  { name: "cacheControl: 'private'", session: OURS, store: 'own', options: { cacheControl: 'private' } },
  { name: 'merge: true', session: OURS, store: 'own', options: { merge: true } },
  { name: 'hashIds', session: OURS, store: 'own', options: { hashIds: true } },
  { name: 'two secrets', session: OURS, store: 'own', options: { secret: [SECRET, `${SECRET} of old`] } },
  { name: 'two secrets, resign', session: OURS, store: 'own', options: { secret: [SECRET, `${SECRET} of old`], resign: true } },
  { name: 'skip', session: OURS, store: 'own', options: { skip: () => false } },
  { name: 'subscriber of load and save', session: OURS, store: 'own', channels: ['load', 'save'] },
  { name: 'connect-redis, wrapped', session: OURS, store: 'redis', isWrapped: true },
  { name: 'connect-redis, wrapped, merge: true', session: OURS, store: 'redis', isWrapped: true, options: { merge: true } },
  { name: 'touchAfter', session: OURS, store: 'own', options: { touchAfter: 600000 } },
  { name: 'idleTimeout', session: OURS, store: 'own', options: { idleTimeout: 1800000 } },
  { name: 'absoluteTimeout', session: OURS, store: 'own', options: { absoluteTimeout: 28800000 } },
  { name: 'renewAfter', session: OURS, store: 'own', options: { renewAfter: 900000 } },
  { name: 'all options of time', session: OURS, store: 'own', options: { touchAfter: 600000, idleTimeout: 1800000, absoluteTimeout: 28800000, renewAfter: 900000 } },
  { name: 'none, connect-redis', session: OURS, store: 'redis', measure: 'express-session, connect-redis' },
  { name: 'express-session, connect-redis', session: 'express-session', store: 'redis', measure: 'express-session, connect-redis' },
  { name: 'touchAfter, connect-redis', session: OURS, store: 'redis', measure: 'express-session, connect-redis', options: { touchAfter: 600000 } },
  { name: 'all options of time, connect-redis', session: OURS, store: 'redis', measure: 'express-session, connect-redis', options: { touchAfter: 600000, idleTimeout: 1800000, absoluteTimeout: 28800000, renewAfter: 900000 } },
];

/**
 * What the mode `--redis` compares, all on connect-redis, this package by its wrapper: as it is, and
 * with what spares round trips.
 */
const REDIS_SUBJECTS = [
  { name: 'express-session-rs', session: OURS, store: 'redis', isWrapped: true },
  { name: 'express-session', session: 'express-session', store: 'redis' },
  { name: 'and touchAfter', session: OURS, store: 'redis', isWrapped: true, options: { touchAfter: 600000 } },
  { name: 'and clientSideCache', session: OURS, store: 'redis', isWrapped: true, isCached: true, options: { touchAfter: 600000 } },
  { name: 'express-session, clientSideCache', session: 'express-session', store: 'redis', isCached: true },
];

/** Does nothing but go on: the same server without sessions. */
function bare(req, res, next) {
  next();
}

/**
 * @param {object} subject one of SUBJECTS
 * @param {object} [options]
 * @param {number} [options.maxAge] of the session's cookie
 * @param {object} [options.redis] a client: its store takes the place of the subject's own
 * @param {string} [options.folder] an empty folder, for stores that keep files
 * @returns {{ middleware: Function, store?: object, clear: () => Promise<void> }}
 */
function open(subject, { maxAge, redis, folder } = {}) {
  if (subject.name === 'bare') return { middleware: bare, clear: async () => {} };
  // A function does not come through the message that names the subject.
  const { options } = FEATURE_SUBJECTS.find(({ name }) => name === subject.name) ?? subject;
  const session = require(subject.session);
  for (const name of subject.channels ?? []) subscribe(`express-session:${name}`, () => {});
  if (subject.store === 'none') {
    return { middleware: session({ keys: [SECRET], maxAge }), clear: async () => {} };
  }
  const store = redis ? redisStore(subject, redis) : ownStore(subject, session, folder);
  const middleware = session({
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    store,
    cookie: maxAge ? { maxAge } : {},
    ...options,
  });
  return { middleware, store, clear: store.clear ? promisify(store.clear.bind(store)) : async () => {} };
}

function ownStore(subject, session, folder) {
  const make = {
    own: () => new session.MemoryStore(),
    disk: () => new session.DiskStore({ path: path.join(folder, 'sessions.db') }),
    'better-sqlite3': () => {
      const Store = require('../stores/native/node_modules/better-sqlite3-session-store')(session);
      const Database = require('../stores/native/node_modules/better-sqlite3');
      const client = new Database(path.join(folder, 'sessions.db'));
      client.pragma('journal_mode = WAL');
      client.pragma('synchronous = NORMAL');
      return new Store({ client });
    },
    files: () => {
      const Store = require('../stores/node_modules/session-file-store')(session);
      return new Store({ path: folder, retries: 0, logFn() {} });
    },
    memorystore: () => new (require('memorystore')(session))({ checkPeriod: 86400000 }),
  };
  return make[subject.store]();
}

/** connect-redis requires `express-session` itself: it gets the one under test. */
function redisStore(subject, client) {
  const resolve = Module._resolveFilename;
  const target = require.resolve(subject.session);
  Module._resolveFilename = function resolveSubject(request, ...rest) {
    return request === 'express-session' ? target : resolve.call(this, request, ...rest);
  };
  try {
    const { RedisStore } = require('connect-redis');
    const store = new RedisStore({ client });
    return subject.isWrapped ? keepLoggedOut(store) : store;
  } finally {
    Module._resolveFilename = resolve;
  }
}

module.exports = { SUBJECTS, DISK_SUBJECTS, FEATURE_SUBJECTS, REDIS_SUBJECTS, bare, open };
