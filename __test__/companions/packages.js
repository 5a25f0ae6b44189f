'use strict';

const path = require('node:path');

const { SUBJECT } = process.env;

const original = path.dirname(require.resolve('express-session/package.json'));

/**
 * The folders of the two packages. `SUBJECT=express-session` compares the original
 * with itself: what a test expects of an equal package then has to hold. A path
 * names another copy of this package.
 */
module.exports = {
  original,
  subject: SUBJECT ? path.dirname(require.resolve(`${SUBJECT}/package.json`)) : path.join(__dirname, '..', '..'),
};
