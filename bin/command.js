'use strict';

const build = require('./build');

const USAGE = `Usage: express-session-rs build

Builds the native addon from source and puts it into this package, for a platform
that has no binary in npm. It needs Rust (https://rustup.rs), a C compiler to link
with and, for the crates, the network.
`;

/**
 * The command of the package. Sets the status of the process: 0 if all went well, 1 if not,
 * 2 if nobody can know what is meant.
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
      console.log('An install that replaces the package, as "npm ci" does, removes it: build again after one.');
    } catch (error) {
      console.error(`express-session-rs: nothing was built: ${error.message}.`);
      process.exitCode = 1;
    }
  }
}

module.exports = command;
