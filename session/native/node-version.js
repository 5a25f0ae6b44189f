'use strict';

// Throws if this Node.js is older than the package needs. Each file that programs load requires
// this one first. This file has syntax that every Node.js can read, and those have syntax that
// Node.js 10 can read (eslint.config.js checks it). Otherwise an old Node.js would only report a
// syntax error.
const NEEDED = 18;

if (Number(/** @type {RegExpExecArray} */ (/^v(\d+)/.exec(process.version))[1]) < NEEDED) {
  /** @type {NodeJS.ErrnoException} */
  const error = new Error('express-session-rs needs Node.js ' + NEEDED + ' or newer, and this is ' + process.version + '.');
  error.code = 'ERR_EXPRESS_SESSION_RS_NODE';
  throw error;
}
