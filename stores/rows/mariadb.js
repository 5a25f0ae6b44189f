'use strict';

module.exports = [
  {
    name: 'express-mysql-session',
    package: 'express-mysql-session',
    with: ['mysql2'],
    loads: 'arg',
    backend: 'mariadb',
    ci: true,
    async open(session, at) {
      const store = new (require('express-mysql-session')(session))({
        ...server(at), clearExpired: false,
      });
      await store.onReady();
      return store;
    },
  },
  {
    name: 'connect-session-knex 5, mariadb',
    package: 'connect-session-knex',
    with: ['knex', 'mysql2'],
    loads: 'import',
    backend: 'mariadb',
    open(_session, at) {
      const { ConnectSessionKnexStore } = require('connect-session-knex');
      const knex = require('knex')({ client: 'mysql2', connection: server(at) });
      return new ConnectSessionKnexStore({ knex, cleanupInterval: 0 });
    },
  },
  {
    name: 'connect-session-sequelize, mariadb',
    package: 'connect-session-sequelize',
    with: ['sequelize', 'mysql2'],
    loads: 'Store',
    backend: 'mariadb',
    async open(session, at) {
      const { Sequelize } = require('sequelize');
      const SequelizeStore = require('connect-session-sequelize')(session.Store);
      const store = new SequelizeStore({
        db: new Sequelize(at.database, 'suite', 'suite', {
          dialect: 'mysql', host: '127.0.0.1', port: at.port, logging: false,
        }),
        checkExpirationInterval: 500,
      });
      await store.sync();
      return store;
    },
  },
  {
    name: 'connect-mysql',
    package: 'connect-mysql',
    with: ['mysql'],
    loads: 'arg',
    backend: 'mariadb',
    open: (session, at) => new (require('connect-mysql')(session))({ config: server(at) }),
  },
];

function server({ port, database }) {
  return { host: '127.0.0.1', port, user: 'suite', password: 'suite', database };
}
