'use strict';

const path = require('node:path');

/** Stores on SQLite. */
module.exports = [
  {
    name: 'better-sqlite3-session-store',
    package: 'better-sqlite3-session-store',
    with: ['better-sqlite3'],
    loads: 'arg',
    open: (session, at) => new (require('better-sqlite3-session-store')(session))({
      client: new (require('better-sqlite3'))(file(at)),
    }),
  },
  {
    name: 'connect-sqlite3',
    package: 'connect-sqlite3',
    with: ['sqlite3'],
    loads: 'arg',
    open: (session, at) => new (require('connect-sqlite3')(session))({
      dir: at.folder, db: 'sessions.sqlite',
    }),
  },
  {
    name: 'express-session-sqlite',
    package: 'express-session-sqlite',
    with: ['sqlite3'],
    loads: 'arg',
    open(session, at) {
      const exported = require('express-session-sqlite');
      const SqliteStore = (exported.default ?? exported)(session);
      return new SqliteStore({ driver: require('sqlite3').Database, path: file(at), ttl: 60000 });
    },
  },
  {
    name: 'connect-session-knex 5, sqlite',
    package: 'connect-session-knex',
    with: ['knex', 'better-sqlite3'],
    loads: 'import',
    open(_session, at) {
      const { ConnectSessionKnexStore } = require('connect-session-knex');
      const knex = require('knex')({
        client: 'better-sqlite3', connection: { filename: file(at) }, useNullAsDefault: true,
      });
      return new ConnectSessionKnexStore({ knex, cleanupInterval: 0 });
    },
  },
  {
    name: 'connect-session-sequelize, sqlite',
    package: 'connect-session-sequelize',
    with: ['sequelize', 'sqlite3'],
    loads: 'Store',
    async open(session, at) {
      const { Sequelize } = require('sequelize');
      const SequelizeStore = require('connect-session-sequelize')(session.Store);
      const store = new SequelizeStore({
        db: new Sequelize({ dialect: 'sqlite', storage: file(at), logging: false }),
        checkExpirationInterval: 500,
      });
      await store.sync();
      return store;
    },
  },
];

function file({ folder }) {
  return path.join(folder, 'sessions.sqlite');
}
