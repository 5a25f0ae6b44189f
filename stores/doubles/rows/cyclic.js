'use strict';

const CREDENTIALS = { accessKeyId: 'suite', secretAccessKey: 'suite' };

/**
 * On the DynamoDB of `large`, but here: its two AWS packages are of different ages, and
 * must not meet the newer ones there.
 */
module.exports = [
  {
    name: '@cyclic.sh/session-store',
    package: '@cyclic.sh/session-store',
    loads: 'import',
    backend: 'dynamodb',
    note: 'was made for the DynamoDB of Cyclic.sh, a service that has ended',
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
