'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

/** With the client that needs no engine besides: an engine would be downloaded. */
const schema = (output) => `
generator client {
  provider   = "prisma-client-js"
  engineType = "client"
  output     = "${output}"
}

datasource db {
  provider = "postgresql"
  url      = "postgresql://unused"
}

model Session {
  id        String   @id
  sid       String   @unique
  data      String
  expiresAt DateTime
}
`;

const TABLE = `CREATE TABLE IF NOT EXISTS "Session" (
  id text PRIMARY KEY, sid text UNIQUE NOT NULL, data text NOT NULL, "expiresAt" timestamp(3) NOT NULL
)`;

module.exports = [
  {
    name: 'prisma-session-store',
    package: '@quixo3/prisma-session-store',
    with: ['@prisma/client', '@prisma/adapter-pg'],
    loads: 'import',
    backend: 'postgres',
    async open(_session, at) {
      at.kept.PrismaClient ??= generated();
      const { PrismaPg } = require('@prisma/adapter-pg');
      const { PrismaSessionStore } = require('@quixo3/prisma-session-store');
      const adapter = new PrismaPg({
        host: '127.0.0.1', port: at.port, user: 'postgres', database: at.database,
      });
      const client = new at.kept.PrismaClient({ adapter });
      await client.$executeRawUnsafe(TABLE);
      return new PrismaSessionStore(client, {
        checkPeriod: 0, dbRecordIdIsSessionId: true, loggerLevel: [],
      });
    },
  },
];

/** Beside its packages, which the generated client requires. */
function generated() {
  const folder = path.join(__dirname, '..', 'node_modules', `.prisma-suite-${process.pid}`);
  fs.mkdirSync(folder, { recursive: true });
  process.once('exit', () => { fs.rmSync(folder, { recursive: true, force: true }); });
  const file = path.join(folder, 'schema.prisma');
  fs.writeFileSync(file, schema(path.join(folder, 'client')));
  const command = path.join(__dirname, '..', 'node_modules', 'prisma', 'build', 'index.js');
  const { status, stderr } = spawnSync(process.execPath, [command, 'generate', '--schema', file], {
    encoding: 'utf8',
    cwd: folder,
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
  if (status !== 0) throw new Error(`prisma generate failed: ${stderr}`);
  return require(path.join(folder, 'client')).PrismaClient;
}
