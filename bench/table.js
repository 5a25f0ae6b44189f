'use strict';

/**
 * @param {string[]} titles
 * @param {string[][]} rows
 * @returns {string} columns aligned, the first to the left, the others to the right
 */
function table(titles, rows) {
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => cells
    .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
    .join('  ')
    .trimEnd();
  return [line(titles), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Three digits that count. */
function digits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** The median, and the least and greatest of the rounds. */
function spread({ median, low, high }, show = digits) {
  return `${show(median)} (${show(low)}–${show(high)})`;
}

module.exports = { table, digits, spread };
