'use strict';

/**
 * Runs stores with express-session and with this package in its place, and
 * compares: `npm run test:stores -- [NAME…] [--all] [--ci] [--list] [--write]`. With `--times` it
 * compares this package with itself, once without and once with `idleTimeout` and `absoluteTimeout`.
 */
const { isRequired } = require('../test-kit/installed');
const Backends = require('./backends');
const Progress = require('./progress');
const options = require('./options');
const { compare, isOpen } = require('./comparison');
const { install } = require('./install');
const { runSubject, endSubjects } = require('./subject');
const { find, isPath, rows } = require('./table');
const writePage = require('./page');
const { formatList, formatTable } = require('./text');

/** How often a row runs with both packages at most, where they differ. */
const RUNS = 3;
const SLOWER = 1.6;

const backends = new Backends();
let isStopped = false;

main().then((code) => { process.exitCode = code; }, (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});

async function main() {
  const chosen = options(process.argv.slice(2));
  if (chosen.list) return print(formatList(rows));
  const picked = pick(chosen);
  stopOnSignals();
  try {
    const results = await runAll(picked, chosen.times);
    if (isStopped) return 130;
    print(formatTable(results));
    if (chosen.write) writePage(results);
    return close(results);
  } finally {
    await backends.stopAll();
  }
}

/** @returns {import('./table').Row[]} */
function pick({ names, all, ci, backend }) {
  if (all) return rows;
  if (ci) return rows.filter((row) => row.ci);
  // What a name begins with is enough, for all rows of one store or backend.
  if (names.length === 0) return rows.filter((row) => !row.backend && row.folder !== 'native');
  return [...new Set(names.flatMap((name) => named(name, backend)))];
}

function named(name, backend) {
  if (isPath(name)) return [{ ...find(name), backend }];
  const exact = find(name);
  const fitting = exact ? [exact] : rows.filter((row) => row.name.startsWith(name) || row.backend === name);
  if (fitting.length === 0) throw new Error(`no store is called ${name}; --list tells the names`);
  return fitting;
}

async function runAll(picked, hasTimes) {
  const progress = new Progress(picked.length);
  const results = [];
  for (const row of picked) {
    const result = await runRow(row, hasTimes, (text) => { progress.tell(`${row.name}: ${text}`); });
    if (isStopped) break;
    results.push(result);
    progress.done(row.name, result.text);
    // Who wrote the store wants to know why a check fails, with either package.
    const told = row.path ? [...result.details, ...result.messages] : result.details;
    for (const detail of told) process.stderr.write(`  ${detail}\n`);
  }
  return results;
}

/** One row, with both packages at the same time, or without and with the options: mostly they wait. */
async function runRow(row, hasTimes, tell) {
  const report = async (lane, pace) => {
    const settings = await backends.settings(row.backend, lane);
    const times = hasTimes && { times: lane === 'package' };
    return runSubject(row, hasTimes ? 'package' : lane, { ...settings, pace, ...times });
  };
  try {
    if (row.package) install(row.folder, tell);
    const varying = Object.keys(row.varies ?? {});
    const pairs = [];
    // Is it this package, or does the store itself vary from run to run?
    do {
      tell(pairs.length === 0 ? 'with both packages' : 'with both packages again');
      // A busy machine may have made the difference: sessions live longer the next time.
      const pace = (row.pace ?? 1) * (pairs.length === 0 ? 1 : SLOWER);
      const [original, ours] = await both(report('original', pace), report('package', pace));
      pairs.push({ original, ours });
    } while (pairs.length < RUNS && isOpen(pairs, varying));
    return { row, ...compare(pairs, varying) };
  } catch (error) {
    // On a machine of one's own a missing server is no failure.
    const skipped = Boolean(error.isMissing) && !isRequired;
    const [message, ...details] = error.message.split('\n').filter((line) => line.trim() !== '');
    const text = error.isMissing ? message : `could not run: ${message}`;
    return { row, text, same: skipped, skipped, counts: [[0, 0], [0, 0]], failed: [], messages: [], details };
  }
}

/** Waits for the second also where the first fails: it may have started a server. */
async function both(...promises) {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  return settled.map(({ value }) => value);
}

function close(results) {
  const skipped = results.filter((result) => result.skipped).length;
  const failed = results.filter((result) => !result.same).length;
  print(`${results.length - skipped - failed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

function print(text) {
  process.stdout.write(`${text}\n`);
  return 0;
}

function stopOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, async () => {
      if (isStopped) return;
      isStopped = true;
      await endSubjects();
      await backends.stopAll();
      process.exit(130);
    });
  }
}
