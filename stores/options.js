'use strict';

const fs = require('node:fs');
const path = require('node:path');

const FLAGS = ['--all', '--ci', '--list', '--times', '--write'];
const BACKEND = '--backend=';
const BACKENDS = fs.readdirSync(path.join(__dirname, 'backends')).map((file) => path.basename(file, '.js'));

/**
 * @param {string[]} argv
 * @returns {{ names: string[], all: boolean, ci: boolean, list: boolean, times: boolean, write: boolean,
 *   backend?: string }} `backend` is for the stores given by path
 * @throws {Error} for an option, or a backend, that does not exist, and for options that exclude each other
 */
function options(argv) {
  const flags = argv.filter((argument) => argument.startsWith('--'));
  const backend = flags.find((flag) => flag.startsWith(BACKEND));
  const unknown = flags.find((flag) => !FLAGS.includes(flag) && flag !== backend);
  if (unknown) throw new Error(`${unknown} is no option; there are ${FLAGS.join(', ')}, ${BACKEND}NAME`);
  const server = backend?.slice(BACKEND.length);
  if (backend && !BACKENDS.includes(server)) {
    throw new Error(`${backend} is no backend; there are ${BACKENDS.join(', ')}`);
  }
  if (flags.includes('--times') && flags.includes('--write')) throw new Error('--times is not for the page, which compares with express-session');
  return {
    names: argv.filter((argument) => !argument.startsWith('--')),
    backend: server,
    ...Object.fromEntries(FLAGS.map((flag) => [flag.slice(2), flags.includes(flag)])),
  };
}

module.exports = options;
