'use strict';

/**
 * The one difference in what the methods of a session return: called without a callback, those
 * of this package give a promise, where those of the original give undefined or the session.
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

module.exports = { AS_EXPECTED, withoutCallback };
