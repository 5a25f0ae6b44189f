'use strict';

const timers = require('node:timers');

/**
 * `setImmediate`, as it was when the package was loaded: a program's fake timers must
 * not hold a store's answers, an error or news back. Those that were on before hold them,
 * as with the original. Some environments of tests have none.
 */
module.exports = typeof globalThis.setImmediate === 'function' ? globalThis.setImmediate : timers.setImmediate;
