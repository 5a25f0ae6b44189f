'use strict';

// Programs require this path: express-session-rs/session/disk.
require('./native/node-version');
module.exports = require('./store/disk-store');
