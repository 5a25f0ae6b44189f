'use strict';

const { versions } = require('./install');

/** @param {import('./table').Row[]} rows */
function formatList(rows) {
  return aligned(rows.map((row) => [
    row.name, versions(row), row.backend ?? 'no server', row.ci ? 'CI' : '', row.folder,
  ]));
}

/** @param {object[]} results */
function formatTable(results) {
  const head = ['store', 'version', 'original', 'package', 'verdict', 'fails with the original'];
  return aligned([head, ...results.map(({ row, counts, text, failed }) => [
    row.name, versions(row), ...counts.map((pair) => pair.join('/')), text, failed.join(', '),
  ])]);
}

function aligned(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) => line
    .map((cell, column) => cell.padEnd(widths[column]))
    .join('  ').trimEnd()).join('\n');
}

module.exports = { formatList, formatTable };
