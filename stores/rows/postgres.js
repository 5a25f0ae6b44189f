'use strict';

const fs = require('node:fs');
const keepLoggedOut = require('../../postgres');

module.exports = [
  {
    name: 'connect-pg-simple',
    package: 'connect-pg-simple',
    with: ['pg'],
    loads: 'arg',
    backend: 'postgres',
    ci: true,
    open: pgSimple,
  },
  {
    name: 'connect-pg-simple, wrapped',
    package: 'connect-pg-simple',
    with: ['pg'],
    loads: 'arg',
    backend: 'postgres',
    ci: true,
    note: 'wrapped by `express-session-rs/postgres`, which gives each session a `_meta.version`; without `setIfPresent`, ' +
      'which express-session does not call',
    fleeting: ['version'],
    open: async (session, at) => Object.assign(keepLoggedOut(await pgSimple(session, at)), { setIfPresent: undefined }),
  },
  {
    name: 'connect-session-knex 5, postgres',
    package: 'connect-session-knex',
    with: ['knex', 'pg'],
    loads: 'import',
    backend: 'postgres',
    ci: true,
    async open(_session, at) {
      const { ConnectSessionKnexStore } = require('connect-session-knex');
      return new ConnectSessionKnexStore({ knex: knex(at), cleanupInterval: 0 });
    },
  },
  {
    name: 'connect-session-knex 2, postgres',
    package: 'connect-session-knex-2',
    with: ['knex', 'pg'],
    loads: 'arg',
    backend: 'postgres',
    open: (session, at) => new (require('connect-session-knex-2')(session))({
      knex: knex(at), disableDbCleanup: true,
    }),
  },
  {
    name: 'connect-session-sequelize, postgres',
    package: 'connect-session-sequelize',
    with: ['sequelize', 'pg'],
    loads: 'Store',
    backend: 'postgres',
    ci: true,
    async open(session, at) {
      const SequelizeStore = require('connect-session-sequelize')(session.Store);
      const store = new SequelizeStore({ db: sequelize(at), checkExpirationInterval: 500 });
      await store.sync();
      return store;
    },
  },
  {
    name: 'express-session-sequelize, postgres',
    package: 'express-session-sequelize',
    with: ['sequelize', 'pg'],
    loads: 'Store',
    backend: 'postgres',
    async open(session, at) {
      const SessionStore = require('express-session-sequelize')(session.Store);
      const store = new SessionStore({ db: sequelize(at) });
      await table(store.Session);
      return store;
    },
  },
];

async function pgSimple(session, at) {
  const pool = new (require('pg').Pool)(server(at));
  if (!at.kept.table) {
    at.kept.table = true;
    await pool.query(fs.readFileSync(require.resolve('connect-pg-simple/table.sql'), 'utf8'));
  }
  return new (require('connect-pg-simple')(session))({ pool });
}

/** The store makes its table without telling when it is there. */
async function table(model) {
  for (let tries = 50; tries > 0; tries -= 1) {
    if (await model.findOne().then(() => true, () => false)) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error('the store does not make its table');
}

function server({ port, database }) {
  return { host: '127.0.0.1', port, user: 'postgres', database };
}

function knex(at) {
  return require('knex')({ client: 'pg', connection: server(at) });
}

function sequelize({ port, database }) {
  const { Sequelize } = require('sequelize');
  return new Sequelize(database, 'postgres', '', {
    dialect: 'postgres', host: '127.0.0.1', port, logging: false,
  });
}
