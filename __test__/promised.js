'use strict';

/**
 * What several tests know of promises. The methods of a session differ from the original's in what
 * they return without a callback: here a promise, there undefined or the session.
 */
const { isPromise } = require('node:util').types;
const original = require('express-session');

/** What both answer that do what they should. */
const AS_EXPECTED = 'what it returns without a callback';

/**
 * @param {Function} module the package whose session it is
 * @param {unknown} value what a method of a session has returned without a callback
 * @returns {unknown} `AS_EXPECTED`, or the value if it is not what that package returns
 */
function withoutCallback(module, value) {
  const isExpected = module === original ? value === undefined || value instanceof module.Session : isPromise(value);
  return isExpected ? AS_EXPECTED : value;
}

/**
 * Collects the rejections that nobody handles while a test runs.
 * @param {import('node:test').TestContext} t
 * @returns {unknown[]} their reasons, as they come
 */
function unhandled(t) {
  const reasons = [];
  const heard = (reason) => { reasons.push(reason); };
  process.on('unhandledRejection', heard);
  t.after(() => { process.off('unhandledRejection', heard); });
  return reasons;
}

module.exports = { AS_EXPECTED, withoutCallback, unhandled };
