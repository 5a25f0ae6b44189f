'use strict';

/**
 * The property of a request that holds its `RequestSession`.
 * @type {unique symbol}
 */
const REQUEST_SESSION = Symbol('express-session');

module.exports = REQUEST_SESSION;
