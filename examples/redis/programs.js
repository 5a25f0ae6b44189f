'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** The programs of the example, and the Debian packages that bring them. */
const PACKAGES = { nginx: 'nginx', 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' };

// Debian has nginx in a folder that is on root's PATH only.
const FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/**
 * @param {string} name
 * @returns {string | undefined} the program's path
 */
function find(name) {
  return [...(process.env.PATH || '').split(path.delimiter), ...FOLDERS]
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * @param {string[]} names
 * @returns {string | undefined} what is not there and how to get it, in one line
 */
function missing(names) {
  const absent = names.filter((name) => !find(name));

  if (absent.length === 0) return undefined;
  return `${absent.join(' and ')} not found: apt-get install ${absent.map((name) => PACKAGES[name]).join(' ')}`;
}

module.exports = { find, missing };
