'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');

/**
 * Root cannot run every server: those run as the account their package made.
 *
 * @param {string} name
 * @returns {{ uid?: number, gid?: number }} for `spawn`; empty if we are not root
 */
function account(name) {
  if (process.getuid() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout || NaN));
  return Number.isInteger(uid) ? { uid, gid } : {};
}

/**
 * @param {string} folder
 * @param {{ uid?: number, gid?: number }} owner
 */
function give(folder, { uid, gid }) {
  if (uid !== undefined) fs.chownSync(folder, uid, gid);
}

module.exports = { account, give };
