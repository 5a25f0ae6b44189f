'use strict';

module.exports = [
  {
    name: 'connect-valkey',
    package: 'connect-valkey',
    with: ['@valkey/valkey-glide'],
    loads: 'import',
    backend: 'valkey',
    async open(_session, { port }) {
      const { GlideClient } = require('@valkey/valkey-glide');
      const { ValkeyStore } = await import('connect-valkey');
      const client = await GlideClient.createClient({ addresses: [{ host: '127.0.0.1', port }] });
      return new ValkeyStore({ client });
    },
  },
  {
    name: 'connect-redis 10, valkey',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    backend: 'valkey',
    async open(_session, { port }) {
      const { RedisStore } = require('connect-redis');
      const client = require('redis').createClient({ url: `redis://127.0.0.1:${port}` });
      await client.connect();
      return new RedisStore({ client });
    },
  },
];
