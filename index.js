'use strict';

require('./session/native/node-version');
const session = require('./session/middleware');

// Node.js finds the names for `import { Store }` in the text of this file, so each name has an
// assignment of its own. The type checker does not know such assignments to a function.
/** @type {NodeJS.Module} */ (module).exports = session;
module.exports.Store = require('./session/store/store');
module.exports.Cookie = require('./session/cookie/cookie').Cookie;
module.exports.Session = require('./session/request/session').Session;
module.exports.MemoryStore = require('./session/store/memory-store');

// Loaded when a program asks for it. It is not listed, so that a program that lists the properties
// finds those of express-session.
const unlisted = {
  DiskStore: () => require('./session/store/disk-store'),
  migrate: () => require('./session/store/migrating-store'),
};
for (const [name, get] of Object.entries(unlisted)) Object.defineProperty(session, name, { configurable: true, enumerable: false, get });
// Node.js finds the names in this text, too, for `import { DiskStore }`. The lines have no effect.
if (typeof session !== 'function') module.exports.DiskStore = undefined;
if (typeof session !== 'function') module.exports.migrate = undefined;
