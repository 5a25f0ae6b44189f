'use strict';

const path = require('node:path');

const root = path.join(__dirname, '..');

/** The folders of the two packages that every store meets as `express-session`. */
module.exports = {
  original: path.dirname(require.resolve('express-session', { paths: [root] })),
  package: root,
};
