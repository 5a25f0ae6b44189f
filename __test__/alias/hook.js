'use strict';

/**
 * For `node --require`: gives the name `express-session` to the package in the
 * folder EXPRESS_SESSION_ALIAS, as an npm alias does, for the program and for
 * every package it loads. What the program says stays as it is.
 */
const Module = require('node:module');
const path = require('node:path');

const NAME = 'express-session';
const folder = path.resolve(process.env.EXPRESS_SESSION_ALIAS);
const resolve = Module._resolveFilename;

Module._resolveFilename = function resolveAlias(request, ...rest) {
  const aliased = request === NAME || request.startsWith(`${NAME}/`)
    ? path.join(folder, request.slice(NAME.length))
    : request;

  return resolve.call(this, aliased, ...rest);
};
