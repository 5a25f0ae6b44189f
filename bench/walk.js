'use strict';

const path = require('node:path');
const Child = require('./child');
const { WALK } = require('./target');
const { table } = require('./table');

/**
 * The walk of a request: how many functions of the package it calls, and how often the
 * session is turned into JSON, the store's own included. Both are counts, the same on
 * every machine.
 *
 * @param {object[]} subjects packages as folders
 * @returns {Promise<object[]>} a row for each walk
 */
async function walkRows(subjects) {
  const rows = new Map();
  for (const { name, session } of subjects) {
    const folder = path.isAbsolute(session) ? session : path.dirname(require.resolve(`${session}/package.json`));
    const child = new Child('walk-child.js', { folder });
    for (const { name: walk, calls, texts } of await child.answer()) {
      if (!rows.has(walk)) rows.set(walk, { name: walk, subjects: {} });
      rows.get(walk).subjects[name] = { calls, texts };
    }
    await child.end();
  }
  return [...rows.values()];
}

function walkTable(rows) {
  const names = Object.keys(rows[0].subjects);
  const titles = ['per request, with a maxAge', 'calls', 'at most', 'texts', 'at most', ...names.slice(1).flatMap((name) => [`${name}: calls`, 'texts'])];
  return table(titles, rows.map(({ name, subjects }) => {
    const [ours, ...others] = names.map((subject) => subjects[subject]);
    const most = WALK[name];
    return [
      name, count(ours.calls), count(most.calls), count(ours.texts), count(most.texts),
      ...others.flatMap(({ calls, texts }) => [count(calls), count(texts)]),
    ];
  }));
}

function count(number) {
  return String(Math.round(number * 10) / 10);
}

module.exports = { walkRows, walkTable };
