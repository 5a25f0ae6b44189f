'use strict';

// Programs load this file by its path, as `express-session/session/store`.
require('./native/node-version');
module.exports = require('./store/store');
