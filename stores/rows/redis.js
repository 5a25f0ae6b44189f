'use strict';

const keepLoggedOut = require('../../redis');

const NOTE = 'wrapped by `express-session-rs/redis`';

/** The majors of connect-redis differ in how they are loaded and in their client. */
module.exports = [
  {
    name: 'connect-redis 10',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    backend: 'redis',
    ci: true,
    async open(_session, at) {
      const { RedisStore } = require('connect-redis');
      return new RedisStore({ client: await nodeRedis('redis', at) });
    },
  },
  {
    name: 'connect-redis 10, wrapped',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    backend: 'redis',
    ci: true,
    note: NOTE,
    async open(_session, at) {
      const { RedisStore } = require('connect-redis');
      return keepLoggedOut(new RedisStore({ client: await nodeRedis('redis', at) }));
    },
  },
  {
    name: 'connect-redis 10, ESM',
    package: 'connect-redis',
    with: ['redis'],
    loads: 'import',
    backend: 'redis',
    ci: true,
    async open(_session, at) {
      const { RedisStore } = await import('connect-redis');
      return new RedisStore({ client: await nodeRedis('redis', at) });
    },
  },
  {
    name: 'connect-redis 9',
    package: 'connect-redis-9',
    with: ['redis'],
    loads: 'import',
    backend: 'redis',
    ci: true,
    async open(_session, at) {
      const { RedisStore } = require('connect-redis-9');
      return new RedisStore({ client: await nodeRedis('redis', at) });
    },
  },
  {
    name: 'connect-redis 9, ESM',
    package: 'connect-redis-9',
    with: ['redis'],
    loads: 'import',
    backend: 'redis',
    async open(_session, at) {
      const { RedisStore } = await import('connect-redis-9');
      return new RedisStore({ client: await nodeRedis('redis', at) });
    },
  },
  {
    name: 'connect-redis 8',
    package: 'connect-redis-8',
    with: ['redis-4'],
    loads: 'import',
    backend: 'redis',
    async open(_session, at) {
      const { RedisStore } = require('connect-redis-8');
      return new RedisStore({ client: await nodeRedis('redis-4', at) });
    },
  },
  {
    name: 'connect-redis 7',
    package: 'connect-redis-7',
    with: ['redis-4'],
    loads: 'import',
    backend: 'redis',
    ci: true,
    async open(_session, at) {
      const RedisStore = require('connect-redis-7').default;
      return new RedisStore({ client: await nodeRedis('redis-4', at) });
    },
  },
  {
    name: 'connect-redis 7, ESM',
    package: 'connect-redis-7',
    with: ['redis-4'],
    loads: 'import',
    backend: 'redis',
    async open(_session, at) {
      const { default: RedisStore } = await import('connect-redis-7');
      return new RedisStore({ client: await nodeRedis('redis-4', at) });
    },
  },
  {
    name: 'connect-redis 6, redis 3',
    package: 'connect-redis-6',
    with: ['redis-3'],
    loads: 'arg',
    backend: 'redis',
    ci: true,
    open: (session, at) => new (require('connect-redis-6')(session))({
      client: require('redis-3').createClient(at.port, '127.0.0.1'),
    }),
  },
  {
    name: 'connect-redis 6, ioredis',
    package: 'connect-redis-6',
    with: ['ioredis'],
    loads: 'arg',
    backend: 'redis',
    ci: true,
    open: (session, at) => new (require('connect-redis-6')(session))({
      client: new (require('ioredis').Redis)(at.port, '127.0.0.1'),
    }),
  },
  {
    name: 'connect-redis 6, ioredis, wrapped',
    package: 'connect-redis-6',
    with: ['ioredis'],
    loads: 'arg',
    backend: 'redis',
    note: NOTE,
    open: (session, at) => keepLoggedOut(new (require('connect-redis-6')(session))({
      client: new (require('ioredis').Redis)(at.port, '127.0.0.1'),
    })),
  },
  {
    name: 'connect-ioredis',
    package: 'connect-ioredis',
    loads: 'arg',
    backend: 'redis',
    open: (session, at) => new (require('connect-ioredis')({ session }))({
      host: '127.0.0.1', port: at.port,
    }),
  },
  {
    name: 'express-sessions',
    package: 'express-sessions',
    loads: 'own',
    backend: 'redis',
    note: 'the package inherits from the Store of Express 2, whatever the app uses; its MongoDB half was not ' +
      'run, because SecantusDB answers the writes of mongoose 4 with "internal server error"',
    open: (_session, at) => new (require('express-sessions'))({
      storage: 'redis', host: '127.0.0.1', port: at.port,
    }),
  },
];

/** node-redis from version 4 on. */
async function nodeRedis(name, { port }) {
  const client = require(name).createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  return client;
}
