'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { account, give } = require('../account');
const { Missing } = require('../../test-kit/installed');
const { freePort } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

/** Debian keeps one folder per major version here, and not in PATH. */
const VERSIONS = '/usr/lib/postgresql';

/** What PostgreSQL calls `cannot_connect_now`. */
const STARTING_UP = '57P03';
const START_MS = 60000;
const POLL_MS = 50;

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
    port, endedBy: 'SIGINT', cwd: folder, ...owner,
  });
  await answers(port).catch(async (error) => {
    await server.stop();
    throw error;
  });
  let databases = 0;
  const fresh = async () => {
    const database = `sessions${databases += 1}`;
    await query(port, `CREATE DATABASE ${database}`);
    return { database };
  };
  return Object.assign(server, { fresh });
}

function programs() {
  if (!fs.existsSync(VERSIONS)) throw new Missing('postgres');
  const newest = fs.readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0];
  return path.join(VERSIONS, newest, 'bin');
}

function initialise(bin, data, owner) {
  const { status, error, stderr } = spawnSync(path.join(bin, 'initdb'), [
    '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale', '-N', '-D', data,
  ], { encoding: 'utf8', cwd: path.dirname(data), ...owner });
  if (status !== 0) throw error ?? new Error(`initdb failed: ${stderr}`);
}

/** It accepts connections a moment before it answers them. */
async function answers(port) {
  for (const end = Date.now() + START_MS; ; await new Promise((resolve) => { setTimeout(resolve, POLL_MS); })) {
    try {
      await query(port, 'SELECT 1');
      return;
    } catch (error) {
      if (error.code !== STARTING_UP || Date.now() > end) throw error;
    }
  }
}

async function query(port, text) {
  const { Client } = require('pg');
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end();
  }
}

module.exports = startPostgres;
