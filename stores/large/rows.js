'use strict';

module.exports = [
  ...require('./rows/valkey'),
  ...require('./rows/typeorm'),
  ...require('./rows/prisma'),
  ...require('./rows/sequelize3'),
  ...require('./rows/dynamodb'),
  ...require('./rows/azure'),
  ...require('./rows/couchdb'),
  ...require('./rows/firestore'),
];
