'use strict';

const timers = require('node:timers');

/**
 * `setImmediate`, as it was when this file was loaded. Fake timers that a test installs later
 * must not hold back callbacks and errors; those that it installed earlier do, as they do with
 * express-session. Some test environments, such as jsdom, have no global `setImmediate`.
 *
 * @type {typeof setImmediate}
 */
module.exports = typeof globalThis.setImmediate === 'function' ? globalThis.setImmediate : timers.setImmediate;
