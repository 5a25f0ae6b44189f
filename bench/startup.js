'use strict';

const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { digits, table } = require('./table');
const { median, lowerQuartile } = require('./statistics');

/** Processes of each subject, in turns with the others', for each of the rounds asked for. */
const TURNS = 25;

/** Prints the ms that the last of its arguments takes to be loaded, after the others. */
const PROGRAM = `
  const names = process.argv.slice(1);
  const last = names.pop();
  for (const name of names) require(name);
  const begun = process.hrtime.bigint();
  require(last);
  console.log(Number(process.hrtime.bigint() - begun) / 1e6);
`;

/** What a program has loaded before: nothing, or the package that every user has. */
const BEFORE = { alone: [], 'after express': ['express'] };

/**
 * What a program waits for when it starts.
 *
 * @param {object[]} subjects
 * @param {{ rounds: number }} options
 * @returns {{ name: string, before: string, times: number[], more: number }[]} times in ms;
 *   `more` is what the median has above express-session's
 */
function requireRows(subjects, { rounds }) {
  // memorystore is express-session and one package more.
  const measured = subjects.filter(({ store }) => store === 'own');
  return Object.entries(BEFORE).flatMap(([before, names]) => {
    const rows = measured.map(({ name, session }) => ({ name, before, session, times: [] }));
    for (let turn = 0; turn < rounds * TURNS; turn++) {
      for (const { session, times } of rows) times.push(load([...names, session]));
    }
    const { times } = rows.find(({ name }) => name === 'express-session');
    return rows.map((row) => ({ ...row, more: median(row.times) - median(times) }));
  });
}

function load(names) {
  const root = path.join(__dirname, '..');
  return Number(execFileSync(process.execPath, ['-e', PROGRAM, ...names], { cwd: root, encoding: 'utf8' }));
}

function requireTable(rows) {
  return table(
    ['require, ms', '', 'median', 'lower quartile', 'above express-session'],
    rows.map(({ name, before, times, more }) => [name, before, digits(median(times)), digits(lowerQuartile(times)), digits(more)]),
  );
}

module.exports = { requireRows, requireTable };
