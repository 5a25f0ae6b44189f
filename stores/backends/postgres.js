'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { account, give } = require('../account');
const { freePort } = require('../port');
const { startServer, Missing } = require('../server');

const SOURCE = 'apt-get install postgresql';
/** Debian keeps one folder per major version here, and not in PATH. */
const VERSIONS = '/usr/lib/postgresql';

/**
 * @param {string} folder
 * @param {number} [port] to start again on what a former start left in the folder
 * @returns {Promise<import('../backends').Backend>}
 */
async function startPostgres(folder, port) {
  const bin = programs();
  const owner = account('postgres');
  const data = path.join(folder, 'data');
  if (!fs.existsSync(data)) {
    give(folder, owner);
    initialise(bin, data, owner);
  }
  port ??= await freePort();
  const server = await startServer(path.join(bin, 'postgres'), [
    '-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', folder,
    '-c', 'fsync=off', '-c', 'shared_buffers=16MB',
  ], {
    // Its SIGTERM would wait for the clients to leave.
    port, source: SOURCE, signal: 'SIGINT', cwd: folder, ...owner,
  });
  let databases = 0;
  const fresh = async () => {
    const database = `sessions${databases += 1}`;
    await create(port, database);
    return { database };
  };
  return { ...server, fresh };
}

function programs() {
  if (!fs.existsSync(VERSIONS)) throw new Missing('postgres', SOURCE);
  const newest = fs.readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0];
  return path.join(VERSIONS, newest, 'bin');
}

function initialise(bin, data, owner) {
  const { status, error, stderr } = spawnSync(path.join(bin, 'initdb'), [
    '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale', '-N', '-D', data,
  ], { encoding: 'utf8', cwd: path.dirname(data), ...owner });
  if (status !== 0) throw error ?? new Error(`initdb failed: ${stderr}`);
}

async function create(port, database) {
  const { Client } = require('pg');
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  // It accepts connections a moment before it answers them.
  await client.connect();
  await client.query(`CREATE DATABASE ${database}`);
  await client.end();
}

module.exports = startPostgres;
