'use strict';

// Which Node.js this package needs. Files that programs load begin with this one. It is
// written for every Node.js, and they for Node.js 10, as an older one than the needed could
// say no more of them than that their syntax is wrong: eslint.config.js.
const NEEDED = 18;

if (Number(/^v(\d+)/.exec(process.version)[1]) < NEEDED) {
  const error = new Error('express-session-rs needs Node.js ' + NEEDED + ' or newer, and this is ' + process.version + '.');
  error.code = 'ERR_EXPRESS_SESSION_RS_NODE';
  throw error;
}
