'use strict';

const Module = require('node:module');
const path = require('node:path');
const { promisify } = require('node:util');

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

/** Does nothing but go on: the same server without sessions. */
function bare(req, res, next) {
  next();
}

/**
 * @param {object} subject one of SUBJECTS
 * @param {object} [options]
 * @param {number} [options.maxAge] of the session's cookie
 * @param {object} [options.redis] a client: its store takes the place of the subject's own
 * @returns {{ middleware: Function, store?: object, clear: () => Promise<void> }}
 */
function open(subject, { maxAge, redis } = {}) {
  if (subject.name === 'bare') return { middleware: bare, clear: async () => {} };
  const session = require(subject.session);
  if (subject.store === 'none') {
    return { middleware: session({ keys: [SECRET], maxAge }), clear: async () => {} };
  }
  const store = redis ? redisStore(subject, redis) : ownStore(subject, session);
  const middleware = session({
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    store,
    cookie: maxAge ? { maxAge } : {},
  });
  return { middleware, store, clear: store.clear ? promisify(store.clear.bind(store)) : async () => {} };
}

function ownStore(subject, session) {
  if (subject.store === 'own') return new session.MemoryStore();
  const Other = require(subject.store)(session);
  return new Other({ checkPeriod: 86400000 });
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
    return new RedisStore({ client });
  } finally {
    Module._resolveFilename = resolve;
  }
}

module.exports = { SUBJECTS, bare, open };
