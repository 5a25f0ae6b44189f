'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: wait } = require('node:timers/promises');
const { account, give } = require('../account');
const { Missing } = require('../../test-kit/installed');
const { freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

/**
 * @param {string} folder
 * @returns {Promise<import('../backends').Backend>}
 */
async function startMariadb(folder) {
  const owner = account('mysql');
  const data = path.join(folder, 'data');
  give(folder, owner);
  initialise(data, folder, owner);
  const port = await freePort();
  const server = await startServer('mariadbd', [
    '--no-defaults', '--bind-address=127.0.0.1', `--port=${port}`, `--datadir=${data}`,
    `--socket=${path.join(folder, 'socket')}`, `--pid-file=${path.join(folder, 'pid')}`,
    '--innodb-buffer-pool-size=32M', '--innodb-flush-log-at-trx-commit=0', '--skip-name-resolve',
  ], { port, cwd: folder, ...owner });
  await addUser(folder);
  let databases = 0;
  const fresh = async () => {
    const database = `sessions${databases += 1}`;
    await query({ port, user: 'suite', password: 'suite' }, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    return { database };
  };
  return Object.assign(server, { fresh });
}

function initialise(data, folder, owner) {
  const { status, error, stderr } = spawnSync('mariadb-install-db', [
    '--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal',
    '--skip-test-db', '--skip-name-resolve',
  ], { encoding: 'utf8', cwd: folder, ...owner });
  if (error?.code === 'ENOENT') throw new Missing('mariadbd');
  if (status !== 0) throw error ?? new Error(`mariadb-install-db failed: ${stderr}`);
}

/** How long the socket may come after the port, in ms. */
const LATEST = 20000;

/** Its root may come only through the socket, which is there a moment after the port. */
async function addUser(folder) {
  const socketPath = path.join(folder, 'socket');
  const root = { socketPath, user: 'root' };
  for (const end = Date.now() + LATEST; !fs.existsSync(socketPath) && Date.now() < end;) await wait(20);
  await query(root, "CREATE USER suite@'127.0.0.1' IDENTIFIED BY 'suite'");
  await query(root, "GRANT ALL ON *.* TO suite@'127.0.0.1'");
}

async function query(settings, sql) {
  const connection = await require('mysql2/promise').createConnection({ host: '127.0.0.1', ...settings });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

module.exports = startMariadb;
