'use strict';

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What a quarter of the numbers is below. For times on a machine that others use
 * too: a disturbance only ever adds, so the low part is the subject's own.
 */
function lowerQuartile(numbers) {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 2];
}

/**
 * @param {number[]} numbers one per round
 * @returns {{ median: number, low: number, high: number }}
 */
function summary(numbers) {
  return { median: median(numbers), low: Math.min(...numbers), high: Math.max(...numbers) };
}

module.exports = { lowerQuartile, median, summary };
