'use strict';

module.exports = [
  {
    name: 'connect-typeorm',
    package: 'connect-typeorm',
    with: ['typeorm', 'pg'],
    loads: 'import',
    backend: 'postgres',
    async open(_session, at) {
      const repository = await repositoryOf(at, {
        expiredAt: { type: 'bigint' },
        id: { type: 'varchar', primary: true, length: 255 },
        json: { type: 'text' },
        destroyedAt: { type: 'timestamp', deleteDate: true, nullable: true },
      });
      return new (require('connect-typeorm').TypeormStore)({ cleanupLimit: 2 }).connect(repository);
    },
  },
  {
    name: 'typeorm-store',
    package: 'typeorm-store',
    with: ['typeorm', 'pg'],
    loads: 'import',
    backend: 'postgres',
    async open(_session, at) {
      const repository = await repositoryOf(at, {
        id: { type: 'varchar', primary: true },
        expiresAt: { type: 'int' },
        data: { type: 'text' },
      });
      return new (require('typeorm-store').TypeormStore)({ repository, expirationInterval: 1 });
    },
  },
];

/** What the decorators of a TypeScript entity come to. */
async function repositoryOf({ port, database }, columns) {
  require('reflect-metadata');
  const { DataSource, EntitySchema } = require('typeorm');
  const entity = new EntitySchema({ name: 'Session', columns });
  const source = new DataSource({
    type: 'postgres', host: '127.0.0.1', port, username: 'postgres', database, entities: [entity], synchronize: true,
  });
  await source.initialize();
  return source.getRepository(entity);
}
