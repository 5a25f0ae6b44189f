'use strict';

// Programs load this file by its path, as `express-session/session/memory`.
require('./native/node-version');
module.exports = require('./store/memory-store');
