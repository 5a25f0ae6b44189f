'use strict';

/** Stores whose servers are in no registry: what stands there is made for them here. And one of a service that has ended. */
module.exports = [
  ...require('./rows/keys'),
  ...require('./rows/sql'),
  ...require('./rows/documents'),
  ...require('./rows/cyclic'),
];
