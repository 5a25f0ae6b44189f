'use strict';

/** Stores that pass everything on to another store. */
module.exports = [
  {
    name: 'cluster-store',
    package: 'cluster-store',
    loads: 'wraps',
    ci: true,
    with: ['memorystore'],
    leftOut: { persists: 'wraps a store in memory here' },
    async open(session) {
      const MemoryStore = require('memorystore')(session);
      return require('cluster-store').create({ name: 'suite', store: new MemoryStore() });
    },
  },
];
