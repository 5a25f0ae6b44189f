'use strict';

/** Stores of express-session's list that were not run, and why. */
module.exports = [
  [['connect-arango', 'connect-cosmosdb', 'connect-ml', 'connect-neo4j', 'connect-ottoman', 'dynamodb-store-v3',
    'express-etcd', 'express-session-etcd3', 'fortune-session'], 'npm answers 404, so the packages are not published, or no longer'],
  [['sessionstore'], 'the package refuses Express 5, which this suite uses'],
];
