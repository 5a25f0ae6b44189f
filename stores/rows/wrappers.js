'use strict';

/** Stores that pass everything on to another store. */
module.exports = [
  {
    name: 'cluster-store',
    package: 'cluster-store',
    loads: 'wraps',
    ci: true,
    with: ['memorystore'],
    leftOut: { persists: 'the suite gives it a store in memory' },
    async open(session) {
      const MemoryStore = require('memorystore')(session);
      return require('cluster-store').create({ name: 'suite', store: new MemoryStore() });
    },
  },
  {
    name: 'cluster-store, in a worker',
    package: 'cluster-store',
    loads: 'wraps',
    with: ['memorystore'],
    leftOut: { persists: 'the suite gives it a store in memory' },
    note: 'the app runs in a worker of `cluster`, and the store in the primary process; the object that the ' +
      'worker gets has no `createSession`, which every express-session 1.x calls',
    inPrimary(session) {
      const MemoryStore = require('memorystore')(session);
      return require('cluster-store/master').create({ name: 'suite', store: new MemoryStore() });
    },
    open: () => require('cluster-store/worker').create({ name: 'suite' }),
  },
];
