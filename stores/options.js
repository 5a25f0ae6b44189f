'use strict';

const FLAGS = ['--all', '--ci', '--list', '--write'];
const BACKEND = '--backend=';

/**
 * @param {string[]} argv
 * @returns {{ names: string[], all: boolean, ci: boolean, list: boolean, write: boolean,
 *   backend?: string }} `backend` is for the stores given by path
 * @throws {Error} for an option that does not exist
 */
function options(argv) {
  const flags = argv.filter((argument) => argument.startsWith('--'));
  const backend = flags.find((flag) => flag.startsWith(BACKEND));
  const unknown = flags.find((flag) => !FLAGS.includes(flag) && flag !== backend);
  if (unknown) throw new Error(`${unknown} is no option; there are ${FLAGS.join(', ')}, ${BACKEND}NAME`);
  return {
    names: argv.filter((argument) => !argument.startsWith('--')),
    backend: backend?.slice(BACKEND.length),
    ...Object.fromEntries(FLAGS.map((flag) => [flag.slice(2), flags.includes(flag)])),
  };
}

module.exports = options;
