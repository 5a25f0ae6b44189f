'use strict';

/**
 * The package under test. `SUBJECT=express-session` runs the same tests on the
 * npm original, which is how a test's own expectations are checked.
 */
const path = require('node:path');

const name = process.env.SUBJECT || path.join(__dirname, '..');

const subject = require(name);

/** True when the tests run on this package, false on the npm original. */
const isOurs = !process.env.SUBJECT;

/**
 * A deep import, as programs write it: `deep('session/cookie')`.
 * @param {string} file
 */
const deep = (file) => require(path.join(name, file).replace(/^\.\//, ''));

module.exports = { session: subject, isOurs, deep };
