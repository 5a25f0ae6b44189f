'use strict';

const BODY = Buffer.from('<!doctype html><title>Account</title><p>Signed in.</p>');

/** Answers as Express does: type and length are known. */
function answer(res) {
  res.setHeader('Content-Type', 'text/html; charset=utf-8');
  res.setHeader('Content-Length', BODY.length);
  res.end(BODY);
}

/**
 * What a handler does to the session. `bare` requests have none, and each
 * handler checks that it found what it was to find, so that no subject is fast
 * because it does nothing.
 */
const HANDLERS = {
  untouched(req, res) {
    answer(res);
  },
  created(req, res) {
    if (req.session) req.session.user = { id: 10001, name: 'Ada Marlow', visits: 1 };
    answer(res);
  },
  read(req, res) {
    const { session } = req;
    if (session && !(session.user.id >= 10000)) throw new Error('read: the session is not the one stored');
    answer(res);
  },
  written(req, res) {
    const { session } = req;
    if (session) session.user.visits += 1;
    answer(res);
  },
};

const SIZES = [[100, '100 B'], [1000, '1 kB'], [10000, '10 kB']];

const SCENARIOS = [
  { name: 'no session', handler: 'untouched', loads: false, bytes: 0 },
  { name: 'new session', handler: 'created', loads: false, bytes: 0 },
  ...['read', 'written', 'untouched'].flatMap((handler) => SIZES.map(([bytes, label]) => (
    { name: `${handler === 'untouched' ? 'loaded, not touched' : handler}, ${label}`, handler, loads: true, bytes }
  ))),
  // What is done to a session that nobody looks at does not depend on its shape.
  ...['read', 'written'].flatMap((handler) => SIZES.map(([bytes, label]) => (
    { name: `${handler}, ${label}, many keys`, handler, loads: true, bytes, isFlat: true }
  ))),
];

const REDIS_SCENARIOS = ['read', 'written'].map((handler) => (
  { name: `connect-redis, ${handler}, 100 B`, handler, loads: true, bytes: 100, redis: true }
));

module.exports = { HANDLERS, SCENARIOS, REDIS_SCENARIOS };
