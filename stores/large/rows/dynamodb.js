'use strict';

const CREDENTIALS = { accessKeyId: 'suite', secretAccessKey: 'suite' };

module.exports = [
  {
    name: 'connect-dynamodb',
    package: 'connect-dynamodb',
    with: ['@aws-sdk/client-dynamodb', 'dynalite'],
    loads: 'arg',
    backend: 'dynamodb',
    async open(session, at) {
      const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
      const client = new DynamoDBClient({
        endpoint: `http://127.0.0.1:${at.port}`, region: 'local', credentials: CREDENTIALS,
      });
      const store = new (require('connect-dynamodb')(session))({ client });
      await store.initialize();
      return store;
    },
  },
  {
    name: 'dynamodb-store',
    package: 'dynamodb-store',
    with: ['aws-sdk', 'dynalite'],
    loads: 'import',
    backend: 'dynamodb',
    async open(_session, at) {
      process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1';
      const exported = require('dynamodb-store');
      const DynamoDBStore = exported.default ?? exported;
      return new Promise((resolve, reject) => {
        const store = new DynamoDBStore({
          table: { name: 'sessions' },
          touchInterval: 0,
          dynamoConfig: { ...CREDENTIALS, region: 'local', endpoint: `http://127.0.0.1:${at.port}` },
        }, (error) => { error ? reject(error) : resolve(store); });
      });
    },
  },
];
