'use strict';

/**
 * One store, one subject, one process: runs the checks and prints the report,
 * a line of JSON, as the last line of its output. Started by `subject.js` with
 * EXPRESS_SESSION_ALIAS, and as arguments the row's name, or the path of
 * somebody's store, and what the backend told, as JSON.
 */
require('./alias');

const outage = require('./outage');
const row = require('./table').find(process.argv[2]);
const at = { ...JSON.parse(process.argv[3]), kept: {} };

process.on('uncaughtException', (error) => {
  if (!row.background) report({ error: error.stack ?? String(error) });
});

main().then(report, (error) => report({ error: error.stack ?? String(error) }));

async function main() {
  const session = require('express-session');
  const open = () => row.open(session, at);
  if (row.outage) return outage(session, open, row.outage, at);
  return require('./bench')(session, open, row, at);
}

function report(result) {
  // Clients of the backends would keep the process alive.
  process.stdout.write(`\n${JSON.stringify(result)}\n`, () => { process.exit(0); });
}
