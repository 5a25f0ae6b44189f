'use strict';

// Programs load this file by its path, as `express-session/session/cookie`.
require('./native/node-version');
module.exports = require('./cookie/cookie').Cookie;
