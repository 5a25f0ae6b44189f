'use strict';

/**
 * Stands in for this command in an app of your own:
 *
 *     npm install express-session@npm:express-session-rs
 *
 * From then on, `require('express-session')` is this package: in the app, and
 * in connect-redis, which asks for it by that name. In this repository the name
 * is taken by the original, which the tests compare with.
 */
const Module = require('node:module');

const ours = require.resolve('../..');
const resolve = Module._resolveFilename;

Module._resolveFilename = function resolveAlias(request, ...rest) {
  return request === 'express-session' ? ours : resolve.call(this, request, ...rest);
};
