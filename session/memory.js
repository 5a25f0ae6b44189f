'use strict';

// Programs load this file by its path, `express-session/session/memory`, so it stays where it is.
require('./native/node-version');
module.exports = require('./store/memory-store').MemoryStore;
