'use strict';

require('./session/native/node-version');
const session = require('./session/middleware');

// Each name is assigned in the open, so that `import { Store }` finds it.
module.exports = session;
module.exports.Store = require('./session/store');
module.exports.Cookie = require('./session/cookie');
module.exports.Session = require('./session/session');
module.exports.MemoryStore = require('./session/memory');
