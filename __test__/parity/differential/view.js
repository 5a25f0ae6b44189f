'use strict';

/** What a program sees of a session. */
const { describe, describeCookie, textOf } = require('./values');

/**
 * Keys that a session of ours shows once they are assigned, and the original's never, as it
 * has them, hidden, from the start. A known limit: they are left out of what is compared,
 * but for what a store is given.
 */
const SHOWN_ONCE_ASSIGNED = ['save', 'reload'];

/**
 * @param {unknown} session
 * @param {object} run its `unseen` are the keys that are not looked at
 */
function readSession(session, { unseen }) {
  if (session === null || typeof session !== 'object') return describe(session);
  const isSeen = (key) => !unseen.has(key);
  const forIn = [];
  for (const key in session) forIn.push(key);
  return {
    text: viewOf(session, { unseen }),
    keys: Object.keys(session).filter(isSeen).join(),
    forIn: forIn.filter(isSeen).join(),
    copy: textOf(without({ ...session }, unseen)),
    assigned: Object.keys(Object.assign({}, session)).filter(isSeen).join(),
    id: describe(session.id),
    cookie: describeCookie(session.cookie),
    cookieKeys: Object.keys(session.cookie || {}).join(),
    cookieText: textOf(session.cookie),
    // without an id it is no session, and what its prototype has is not the same on both sides
    has: ['save', ...(session.id === undefined ? [] : ['id', 'req']), 'count', 'constructor'].filter((key) => key in session).join(),
    hidden: ['save', 'reload', 'id', 'req', 'touch'].filter((key) => isSeen(key) && !Object.prototype.propertyIsEnumerable.call(session, key)).join(),
  };
}

/** The JSON of a session. */
function viewOf(session, { unseen }) {
  const text = textOf(session);
  if (unseen.size === 0 || text === undefined || !text.startsWith('{')) return text;
  return JSON.stringify(without(JSON.parse(text), unseen));
}

/** The keys of a session that may have been given any. */
function keysOf(session) {
  return Object.keys(session).filter((key) => !SHOWN_ONCE_ASSIGNED.includes(key));
}

function without(object, keys) {
  for (const key of keys) delete object[key];
  return object;
}

module.exports = { keysOf, readSession, viewOf, without, SHOWN_ONCE_ASSIGNED };
