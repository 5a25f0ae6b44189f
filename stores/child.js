'use strict';

/**
 * One store, one subject, one process: runs the checks and prints the report,
 * a line of JSON, as the last line of its output. Started by `subject.js` with
 * EXPRESS_SESSION_ALIAS, and as arguments the row's name, or the path of
 * somebody's store, and what the backend told, as JSON.
 */
require('./alias');

const cluster = require('node:cluster');
const outage = require('./outage');
const row = require('./table').find(process.argv[2]);
const at = { ...JSON.parse(process.argv[3]), kept: {} };

process.on('uncaughtException', (error) => {
  // What a double was asked and does not know is no error of the store.
  if (!row.background || error.isUnknown) report({ error: error.stack ?? String(error) });
});

run().then(report, (error) => report({ error: error.stack ?? String(error) }));

async function run() {
  const session = require('express-session');
  if (row.inPrimary && cluster.isPrimary) return inWorker(session);
  const open = () => row.open(session, at);
  if (row.outage) return outage(session, open, row.outage, at);
  return require('./bench')(session, open, row, at);
}

/** Waits for a worker, which reports by itself and writes to the same output. */
async function inWorker(session) {
  await row.inPrimary(session);
  const [code, signal] = await new Promise((resolve) => {
    cluster.fork().on('exit', (...how) => { resolve(how); });
  });
  if (code === 0) process.exit(0);
  throw new Error(`the worker ended with ${signal ?? code}`);
}

function report(result) {
  // Clients of the backends would keep the process alive.
  process.stdout.write(`\n${JSON.stringify(result)}\n`, () => { process.exit(0); });
}
