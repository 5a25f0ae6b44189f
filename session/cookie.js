'use strict';

// Programs load this file by its path, `express-session/session/cookie`, so it stays where it is.
require('./native/node-version');
module.exports = require('./cookie/cookie').Cookie;
