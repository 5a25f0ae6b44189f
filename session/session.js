'use strict';

// Programs load this file by its path, as `express-session/session/session`.
require('./native/node-version');
module.exports = require('./request/session').Session;
