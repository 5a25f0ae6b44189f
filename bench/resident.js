'use strict';

const sample = require('./sample');

const DAY = 86400000;

/** Bytes of the JSON of a cookie that lasts a day, with its key; and of the whole session. */
const COOKIE_BYTES = 101;
const BYTES = 310;

/** Ids that have seven digits, so that all sessions are of one size. */
const FIRST_ID = 1000000;

const DATA = sample(BYTES - COOKIE_BYTES, FIRST_ID);

/**
 * A session as a store is given it, with a plain object for its cookie: 310 bytes of JSON.
 *
 * @param {number} seed makes it differ
 * @param {object} [life]
 * @param {number} [life.maxAge] ms
 * @param {number} [life.ends] ms since the epoch
 * @param {number} [visits] what a handler would change
 * @returns {object}
 */
function resident(seed, { maxAge = DAY, ends = Date.now() + maxAge } = {}, visits = DATA.user.visits) {
  return {
    cookie: { originalMaxAge: maxAge, expires: new Date(ends), httpOnly: true, path: '/' },
    ...DATA,
    user: { ...DATA.user, id: FIRST_ID + seed, visits },
  };
}

/** Whether it is the session that was stored. */
resident.is = function is(session, seed, visits = DATA.user.visits) {
  return session !== undefined && session.user.id === FIRST_ID + seed && session.user.visits === visits;
};

module.exports = resident;
