'use strict';

const { oneRound } = require('./rounds');
const progress = require('./progress');
const { median } = require('./statistics');
const { table, digits } = require('./table');

const PACE = { warmUp: 300, slices: 5 };
const ROUNDS = 2;

/** What grows, and the task that a value of it makes. */
const PANELS = [
  { title: 'session size', label: 'bytes', unit: 'B', values: [100, 300, 1000, 3000, 10000, 30000, 100000], task: (bytes) => ({ scenario: read(bytes), users: 50 }) },
  { title: 'cookies in the header', label: 'cookies', unit: '', values: [1, 3, 10, 30, 100, 300, 1000], task: (count) => ({ scenario: read(100), users: 100, cookies: count - 1 }) },
  { title: 'sessions in the store', label: 'sessions', unit: '', values: [1000, 10000, 100000], task: (count) => ({ scenario: read(100), users: 1000, residents: count }) },
];

function read(bytes) {
  return { name: `read, ${bytes} B`, handler: 'read', loads: true, bytes };
}

/** @returns {Promise<object[]>} the panels with `points`: µs per request by subject */
async function growth(subjects, options) {
  const panels = PANELS.filter(({ title }) => title.includes(options.only));
  const all = panels.reduce((sum, { values }) => sum + values.length, 0);
  let done = 0;
  for (const panel of panels) {
    panel.points = [];
    for (const value of panel.values) {
      progress(done++, all, `${panel.title}: ${value}`);
      const rounds = [];
      for (let round = 0; round < ROUNDS; round++) {
        rounds.push(await oneRound(subjects.map((subject) => ({ subject, lanes: options.lanes, maxAge: options.maxAge, ...panel.task(value) })), PACE));
      }
      const costs = Object.fromEntries(subjects.map(({ name }) => [name, median(rounds.map((round) => round[name].cost))]));
      panel.points.push({ at: value, costs });
    }
  }
  progress(all, all, '');
  return panels;
}

function growthTable(panels, names) {
  return panels.map(({ title, label, points }) => table(
    [`${title}: µs per read`, ...names.flatMap((name) => [name, `per ${label.replace(/s$/, '')} added, ns`])],
    points.map(({ at, costs }, index) => [String(at), ...names.flatMap((name) => {
      const before = points[index - 1];
      const slope = before ? ((costs[name] - before.costs[name]) / (at - before.at)) * 1000 : NaN;
      return [digits(costs[name]), before ? digits(slope) : ''];
    })]),
  )).join('\n\n');
}

module.exports = { growth, growthTable };
