'use strict';

/** Stores whose servers are in no registry: what stands there is made for them here. */
module.exports = [
  ...require('./rows/keys'),
  ...require('./rows/sql'),
  ...require('./rows/documents'),
];
