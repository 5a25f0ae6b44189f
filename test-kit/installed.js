'use strict';

/** What is installed on this machine, and what becomes of a test whose program is not. */
const fs = require('node:fs');
const path = require('node:path');

/** Whether a program that is missing is a failure. Skipped in CI, nobody would notice. */
const isRequired = process.env.CI === 'true';

/** Programs, and the Debian packages that bring them. */
const PACKAGES = {
  'chromium': 'chromium',
  'mariadbd': 'mariadb-server',
  'memcached': 'memcached',
  'nginx': 'nginx',
  'postgres': 'postgresql',
  'python3': 'python3',
  'redis-cli': 'redis-tools',
  'redis-server': 'redis-server',
  'sqlite3': 'sqlite3',
};

/** Debian has nginx in a folder that is on root's PATH only. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** What the name of a program's file ends with. */
const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/** A program is not installed here. */
class Missing extends Error {
  isMissing = true;

  /**
   * @param {string} program
   * @param {string} [source] the command that installs it
   */
  constructor(program, source = `apt-get install ${PACKAGES[program]}`) {
    super(`${program} is missing: ${source}`);
  }
}

/**
 * @param {string} program a name, or a path
 * @returns {string | undefined} the program's path
 */
function find(program) {
  if (path.isAbsolute(program)) return isProgram(program) ? program : undefined;
  return [...(process.env.PATH || '').split(path.delimiter), ...FOLDERS]
    .map((folder) => path.join(folder, program + SUFFIX))
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
 * @param {...string} programs
 * @returns {string | undefined} which are not there and how to get them, in one line
 */
function missing(...programs) {
  const absent = programs.filter((program) => !find(program));
  if (absent.length === 0) return undefined;
  return `${absent.join(' and ')} not found: apt-get install ${absent.map((program) => PACKAGES[program]).join(' ')}`;
}

/**
 * Decides about a test that something is missing for.
 * @param {string | undefined} how says what is missing and how to get it
 * @returns {string | false} the reason to skip the test; false if nothing is missing
 * @throws {Error} where it is required
 */
function skipWithout(how) {
  if (how && isRequired) throw new Error(how);
  return how ?? false;
}

/**
 * Decides about tests that start programs.
 * @param {...string} programs
 * @returns {string | false} the reason to skip them
 * @throws {Error} where one is missing that is required
 */
function needs(...programs) {
  return skipWithout(missing(...programs));
}

module.exports = { Missing, isRequired, find, missing, needs, skipWithout };
