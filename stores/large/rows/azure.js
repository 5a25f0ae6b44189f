'use strict';

const { ACCOUNT } = require('../../backends/azure');

module.exports = [
  {
    name: 'connect-azuretables',
    package: 'connect-azuretables',
    with: ['azurite'],
    loads: 'arg',
    backend: 'azure',
    async open(session, { port }) {
      process.env.AZURE_STORAGE_CONNECTION_STRING = [
        'DefaultEndpointsProtocol=http', `AccountName=${ACCOUNT.name}`, `AccountKey=${ACCOUNT.key}`,
        `TableEndpoint=http://127.0.0.1:${port}/${ACCOUNT.name}`,
      ].join(';');
      const exported = require('connect-azuretables')(session);
      const store = exported.create ? exported.create({}) : new exported({});
      await table(store);
      return store;
    },
  },
];

/** The store makes its table without telling when it is there. */
async function table(store) {
  for (let tries = 50; tries > 0; tries -= 1) {
    const isThere = await new Promise((resolve) => {
      store.get('nobody', (error) => { resolve(!error); });
    });
    if (isThere) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error('the store does not make its table');
}
