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
  {
    name: '@cyclic.sh/session-store',
    package: '@cyclic.sh/session-store',
    with: ['dynalite'],
    loads: 'import',
    backend: 'dynamodb',
    note: 'made for the DynamoDB of Cyclic.sh, a service that has ended',
    async open(_session, at) {
      Object.assign(process.env, {
        AWS_REGION: 'local', AWS_ACCESS_KEY_ID: 'suite', AWS_SECRET_ACCESS_KEY: 'suite',
      });
      await table(at);
      // It makes its client by itself, and has no option for where that asks.
      const { docClient } = require('@cyclic.sh/session-store/src/ddb_client');
      docClient.config.endpoint = async () => (
        { protocol: 'http:', hostname: '127.0.0.1', port: at.port, path: '/' });
      const { CyclicSessionStore } = require('@cyclic.sh/session-store');
      return new CyclicSessionStore({ table: { name: 'sessions' }, touchInterval: 0 });
    },
  },
];

/** Cyclic.sh made it for every app. */
async function table(at) {
  if (at.kept.table) return;
  at.kept.table = true;
  const { CreateTableCommand, DynamoDBClient } = require('@aws-sdk/client-dynamodb');
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${at.port}`, region: 'local', credentials: CREDENTIALS,
  });
  const keys = [['pk', 'HASH'], ['sk', 'RANGE']];
  await client.send(new CreateTableCommand({
    TableName: 'sessions',
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: keys.map(([AttributeName, KeyType]) => ({ AttributeName, KeyType })),
    AttributeDefinitions: keys.map(([AttributeName]) => ({ AttributeName, AttributeType: 'S' })),
  }));
}
