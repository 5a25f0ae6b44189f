'use strict';

/** Stores of express-session's list that were not run, and why. */
module.exports = [
  [['connect-arango', 'connect-cosmosdb', 'connect-ml', 'connect-neo4j', 'connect-ottoman', 'dynamodb-store-v3',
    'express-etcd', 'express-session-etcd3', 'fortune-session'], 'npm answers 404: not published, or not any more'],
  [['sessionstore'], 'refuses Express 5, in which this suite runs'],
];
