'use strict';

const build = require('./build');
const disk = require('./disk');

const USAGE = `Usage: express-session-rs ls [--json] FILE
       express-session-rs check FILE
       express-session-rs copy FILE COPY
       express-session-rs build

ls     prints how many sessions the file of a DiskStore holds, how many bytes it
       uses, when the oldest session began, and when the next one expires.
check  reads the whole file, and says what is wrong. The exit status is 1 then.
copy   copies the file as it is at one moment to a new file, as a backup.
build  builds the native addon from source and puts it into this package, for a
       platform that has no binary in npm. It needs Rust (https://rustup.rs), a C
       compiler, and access to the network to fetch the crates.

ls, check and copy may be used while programs use the file.
`;

/** How many files each command is given. */
const COUNTS = { ls: 1, check: 1, copy: 2, build: 0 };

/**
 * Runs the command of the package. It sets the exit status of the process: 0 for success, 1 for a
 * failure, 2 for wrong arguments.
 *
 * @param {string[]} args
 */
async function command(args) {
  const [name, ...rest] = args;
  const paths = rest.filter((arg) => !arg.startsWith('-'));
  const options = rest.filter((arg) => arg.startsWith('-'));
  if (['--help', '-h', 'help'].includes(name)) {
    process.stdout.write(USAGE);
    return;
  }
  const wrong = whatIsWrong(name, paths, options);
  if (wrong) {
    process.stderr.write(`express-session-rs: ${wrong}.\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (name === 'build') {
    makeAddon();
  } else {
    try {
      process.exitCode = await disk[name](paths, options.length > 0);
    } catch (error) {
      console.error(`express-session-rs: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

/**
 * Returns what is wrong with the arguments; undefined if nothing is.
 *
 * @param {string | undefined} name of the command
 * @param {string[]} paths
 * @param {string[]} options
 */
function whatIsWrong(name, paths, options) {
  if (name === undefined) return 'a command is missing';
  if (!Object.hasOwn(COUNTS, name)) return `there is no command ${name}`;
  const unknown = options.find((option) => option !== '--json' || name !== 'ls');
  if (unknown) return `${name} has no option ${unknown}`;
  const count = COUNTS[name];
  if (paths.length !== count) return `${name} takes ${['no file', 'one file', 'two files'][count]}, not ${paths.length}`;
  return undefined;
}

function makeAddon() {
  try {
    const file = build();
    console.log(`express-session-rs: built ${file}.`);
    console.log('Commands such as "npm ci" install the package again and remove the binary: build it again afterwards.');
  } catch (error) {
    console.error(`express-session-rs: nothing was built: ${error.message}.`);
    process.exitCode = 1;
  }
}

module.exports = command;
