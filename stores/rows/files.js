'use strict';

const { once } = require('node:events');
const path = require('node:path');

/** Stores that read, change and write back. */
const RACES = {
  '20 parallel requests': 'parallel writes disturb each other',
  length: 'the store reads its data and writes it back without a lock',
};
const IN_MEMORY = { persists: 'the store keeps sessions in its own memory' };

/** Stores that need no server and no compiler. */
module.exports = [
  {
    name: 'memorystore',
    package: 'memorystore',
    loads: 'arg',
    ci: true,
    leftOut: IN_MEMORY,
    open: (session) => new (require('memorystore')(session))({ checkPeriod: 86400000 }),
  },
  {
    name: 'session-file-store',
    package: 'session-file-store',
    loads: 'arg',
    ci: true,
    open: (session, at) => fileStore(session, at),
  },
  {
    name: 'session-file-store, secret',
    package: 'session-file-store',
    loads: 'arg',
    ci: true,
    open: (session, at) => fileStore(session, at, { secret: 'of the files' }),
  },
  {
    name: 'nedb-session-store',
    package: 'nedb-session-store',
    loads: 'arg',
    ci: true,
    open: (session, at) => new (require('nedb-session-store')(session))({
      filename: path.join(at.folder, 'sessions.db'),
    }),
  },
  {
    name: 'express-nedb-session',
    package: 'express-nedb-session',
    loads: 'arg',
    ci: true,
    open: (session, at) => new (require('express-nedb-session')(session))({
      filename: path.join(at.folder, 'sessions.db'),
    }),
  },
  {
    name: 'connect-nedb-session',
    package: 'connect-nedb-session',
    loads: 'arg',
    varies: { '20 parallel requests': RACES['20 parallel requests'] },
    async open(session, at) {
      const NedbStore = require('connect-nedb-session')(session);
      const filename = path.join(at.folder, 'sessions.db');
      let store;
      await called((done) => { store = new NedbStore({ filename }, done); });
      return store;
    },
  },
  {
    name: 'tch-nedb-session',
    package: 'tch-nedb-session',
    loads: 'arg',
    open: (session, at) => new Promise((resolve, reject) => {
      const NedbStore = require('tch-nedb-session')(session);
      const store = new NedbStore({
        filename: path.join(at.folder, 'sessions.db'),
        // Called from the constructor's own files, never before it returns.
        onLoad(error) { error ? reject(error) : resolve(store); },
      });
    }),
  },
  {
    name: 'express-session-rsdb',
    package: 'express-session-rsdb',
    with: ['rocket-store'],
    loads: 'import',
    open: (_session, at) => new (require('express-session-rsdb'))({
      data_storage_area: path.join(at.folder, 'rsdb'), purge_interval: 86400,
    }),
  },
  {
    name: 'express-session-cache-manager',
    package: 'express-session-cache-manager',
    with: ['cache-manager'],
    loads: 'import',
    leftOut: { persists: 'the suite gives it a cache in memory' },
    open() {
      const CacheManagerStore = require('express-session-cache-manager').default;
      return new CacheManagerStore(require('cache-manager').caching({ store: 'memory', max: 1000 }));
    },
  },
  {
    name: 'connect-loki',
    package: 'connect-loki',
    loads: 'arg',
    ci: true,
    async open(session, at) {
      // It writes its file every five seconds; `persists` does not wait for that.
      const before = at.kept.store;
      if (before) await called((done) => { before.client.saveDatabase(done); });
      at.kept.store = new (require('connect-loki')(session))({
        path: path.join(at.folder, 'sessions.db'),
      });
      await once(at.kept.store, 'connect');
      return at.kept.store;
    },
  },
  {
    name: 'lowdb-session-store',
    package: 'lowdb-session-store',
    with: ['lowdb'],
    loads: 'arg',
    ci: true,
    open(session, at) {
      const FileSync = require('lowdb/adapters/FileSync');
      const file = new FileSync(path.join(at.folder, 'sessions.json'), { defaultValue: [] });
      return new (require('lowdb-session-store')(session))(require('lowdb')(file));
    },
  },
  {
    name: 'connect-lowdb',
    package: 'connect-lowdb',
    with: ['lowdb-6'],
    loads: 'arg',
    varies: { ...RACES, all: RACES['20 parallel requests'] },
    async open(session, at) {
      const { default: lowdbStore } = await import('connect-lowdb');
      const { Low } = await import('lowdb-6');
      const { JSONFile } = await import('lowdb-6/node');
      const LowdbStore = lowdbStore(session);
      return new LowdbStore({
        db: new Low(new JSONFile(path.join(at.folder, 'sessions.json')), { sessions: [] }),
      });
    },
  },
  {
    name: 'level-session-store',
    package: 'level-session-store',
    with: ['level'],
    loads: 'arg',
    varies: RACES,
    async open(session, at) {
      // The data of LevelDB may be open only once.
      const isNew = !at.kept.db;
      at.kept.db ??= require('level')(path.join(at.folder, 'level'));
      if (isNew) await at.kept.db.put('_session/__length__', 0);
      return new (require('level-session-store')(session))(at.kept.db);
    },
  },
  {
    name: 'express-session-level',
    package: 'express-session-level',
    with: ['levelup-0', 'memdown'],
    loads: 'arg',
    varies: { '20 parallel requests': RACES['20 parallel requests'] },
    open(session, at) {
      at.kept.db ??= require('levelup-0')('sessions', { db: require('memdown') });
      return new (require('express-session-level')(session))(at.kept.db);
    },
  },
  {
    name: 'medea-session-store',
    package: 'medea-session-store',
    with: ['medea'],
    loads: 'arg',
    varies: RACES,
    async open(session, at) {
      if (!at.kept.db) {
        const db = require('medea')();
        await called((done) => { db.open(path.join(at.folder, 'medea'), done); });
        at.kept.db = db;
      }
      return new (require('medea-session-store')(session))(at.kept.db);
    },
  },
];

function fileStore(session, at, options) {
  const FileStore = require('session-file-store')(session);
  return new FileStore({ path: path.join(at.folder, 'files'), logFn() {}, ...options });
}

/** @param {(done: (error?: Error) => void) => void} ask */
function called(ask) {
  return new Promise((resolve, reject) => {
    ask((error) => { error ? reject(error) : resolve(); });
  });
}
