'use strict';

const build = require('./build');
const disk = require('./disk');
const sql = require('./sql');

const USAGE = `Usage: express-session-rs ls [--json] FILE
       express-session-rs check FILE
       express-session-rs copy FILE COPY
       express-session-rs sql [--table NAME] [--schema NAME] [--in-transaction]
       express-session-rs build

ls     prints how many sessions the file of a DiskStore holds, how many bytes it
       uses, when the oldest session began, and when the next one expires.
check  reads the whole file, and says what is wrong. The exit status is 1 then.
copy   copies the file as it is at one moment to a new file, as a backup.
sql    prints the statement for PostgreSQL that makes the index by which
       express-session-rs/postgres finds the sessions of a user. It suits a column
       "sess" of the type json as well as of jsonb.
       --table NAME      the table, "session" if it is not given: what the store of
                         connect-pg-simple has as its option tableName
       --schema NAME     the schema of the table: its option schemaName
       --in-transaction  prints a statement that can run in a transaction; while it
                         runs, no session can be stored
build  builds the native addon from source and puts it into this package, for a
       platform that has no binary in npm. It needs Rust (https://rustup.rs), a C
       compiler, and access to the network to fetch the crates.

ls, check and copy may be used while programs use the file.
`;

/** How many files each command is given, and its options: whether a name follows. */
const COMMANDS = {
  ls: { count: 1, options: { json: false } },
  check: { count: 1, options: {} },
  copy: { count: 2, options: {} },
  sql: { count: 0, options: { 'table': true, 'schema': true, 'in-transaction': false } },
  build: { count: 0, options: {} },
};

/**
 * Runs the command of the package. It sets the exit status of the process: 0 for success, 1 for a
 * failure, 2 for wrong arguments.
 *
 * @param {string[]} args
 */
async function command(args) {
  const [name, ...rest] = args;
  if (['--help', '-h', 'help'].includes(name)) {
    process.stdout.write(USAGE);
    return;
  }
  const { paths, options, wrong } = parse(name, rest);
  if (wrong) {
    process.stderr.write(`express-session-rs: ${wrong}.\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (name === 'build') {
    makeAddon();
  } else if (name === 'sql') {
    console.log(sql(options));
  } else {
    try {
      process.exitCode = await disk[name](paths, Boolean(options.json));
    } catch (error) {
      console.error(`express-session-rs: ${error.message}`);
      process.exitCode = 1;
    }
  }
}

/**
 * Reads the arguments of a command.
 *
 * @param {string | undefined} name of the command
 * @param {string[]} args
 * @returns {{ paths: string[], options: Record<string, any>, wrong?: string }} `wrong` says what is wrong with the arguments
 */
function parse(name, args) {
  const paths = [];
  const options = {};
  const all = { paths, options };
  if (name === undefined) return { ...all, wrong: 'a command is missing' };
  if (!Object.hasOwn(COMMANDS, name)) return { ...all, wrong: `there is no command ${name}` };
  const { count, options: known } = COMMANDS[name];
  for (const left = [...args]; left.length > 0;) {
    const arg = left.shift();
    const option = arg.replace(/^--/, '');
    if (!arg.startsWith('-')) {
      paths.push(arg);
    } else if (option === arg || !Object.hasOwn(known, option)) {
      return { ...all, wrong: `${name} has no option ${arg}` };
    } else {
      options[option] = known[option] ? left.shift() : true;
      if (!options[option] || String(options[option]).startsWith('--')) return { ...all, wrong: `a name must follow ${arg}` };
    }
  }
  if (paths.length !== count) return { ...all, wrong: `${name} takes ${['no file', 'one file', 'two files'][count]}, not ${paths.length}` };
  return all;
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
