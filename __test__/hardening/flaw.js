'use strict';

const { test } = require('node:test');

/** What stands in the name of a test that express-session 1.19.0 fails. */
const MARK = '[flaw of the original]';

/**
 * A test of something that is wrong in express-session 1.19.0; `flaws.test.js` runs it
 * there, too, and wants it to fail.
 *
 * @param {string} name
 * @param {(t: import('node:test').TestContext) => Promise<void>} run
 */
function flaw(name, run) {
  test(`${name} ${MARK}`, run);
}

module.exports = { flaw, MARK };
