'use strict';

require('./session/native/node-version');
const session = require('./session/middleware');

// Each name is assigned in the open, so that `import { Store }` finds it.
module.exports = session;
module.exports.Store = require('./session/store/store');
module.exports.Cookie = require('./session/cookie/cookie').Cookie;
module.exports.Session = require('./session/request/session').Session;
module.exports.MemoryStore = require('./session/store/memory-store').MemoryStore;
