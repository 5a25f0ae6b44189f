'use strict';

module.exports = [
  {
    name: 'sequelstore-connect',
    package: 'sequelstore-connect',
    with: ['sequelize', 'mysql'],
    loads: 'arg',
    backend: 'mariadb',
    async open(session, { port, database }) {
      const Sequelize = require('sequelize');
      const db = new Sequelize(database, 'suite', 'suite', {
        dialect: 'mysql', host: '127.0.0.1', port, logging: false,
      });
      const store = new (require('sequelstore-connect')(session))({ database: db });
      await store.sync();
      return store;
    },
  },
];
