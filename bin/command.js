'use strict';

const build = require('./build');

const USAGE = `Usage: express-session-rs build

Builds the native addon from source and puts it into this package, for a platform
that has no binary in npm. It needs Rust (https://rustup.rs), a C compiler to link
with, and access to the network to fetch the crates.
`;

/**
 * Runs the command of the package. It sets the exit status of the process: 0 for success, 1 for a
 * failure, 2 for unknown arguments.
 *
 * @param {string[]} args
 */
function command(args) {
  if (['--help', '-h', 'help'].includes(args[0])) {
    process.stdout.write(USAGE);
  } else if (args.length !== 1 || args[0] !== 'build') {
    process.stderr.write(USAGE);
    process.exitCode = 2;
  } else {
    try {
      const file = build();
      console.log(`express-session-rs: built ${file}.`);
      console.log('Commands such as "npm ci" install the package again and remove the binary: build it again afterwards.');
    } catch (error) {
      console.error(`express-session-rs: nothing was built: ${error.message}.`);
      process.exitCode = 1;
    }
  }
}

module.exports = command;
