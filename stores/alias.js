'use strict';

/**
 * Gives the name `express-session` to the package in the folder
 * EXPRESS_SESSION_ALIAS, in `require` and in `import`, for this program and for
 * every store it loads afterwards.
 */
const { register } = require('node:module');
const { pathToFileURL } = require('node:url');

require('../__test__/alias/hook');

register('./alias-import.mjs', pathToFileURL(__filename), {
  data: { folder: process.env.EXPRESS_SESSION_ALIAS },
});
