'use strict';

const { getEnvironmentData, setEnvironmentData } = require('node:worker_threads');
const native = require('../native/load');

/** The key of the environment data, which threads inherit. */
const KEY = 'express-session-rs: the addon whose DiskStores this process has';

/**
 * Makes sure that this process opens files of sessions by one copy of the addon alone, so by one
 * copy of SQLite: when one copy closes a file, the operating system ends the locks that another
 * one has on it (see "How To Corrupt An SQLite Database File", section 2.2.1, at sqlite.org).
 *
 * @param {string} path of the file that is to be opened
 * @throws {Error} if another copy of the addon has opened files
 */
function onlyCopy(path) {
  const known = getEnvironmentData(KEY);
  const mine = native.addonInstance();
  if (known !== undefined && known !== mine) {
    throw new Error(
      `DiskStore: ${path} cannot be opened, because this process has loaded a second copy of express-session-rs, ` +
      'and two copies lose each other\'s locks. Run `npm ls express-session-rs`, and leave one copy installed',
    );
  }
  setEnvironmentData(KEY, mine);
}

module.exports = onlyCopy;
