'use strict';

/** What issue 3 asks for: cost as a share of express-session's, in the same run. */
const RATIOS = {
  'no session': 0.10,
  'new session': 0.25,
  'read, 100 B': 0.125,
  'read, 1 kB': 0.20,
  'read, 10 kB': 0.50,
  'written, 100 B': 0.125,
  'written, 1 kB': 0.20,
  'written, 10 kB': 0.50,
  'loaded, not touched, 100 B': 0.08,
  'loaded, not touched, 10 kB': 0.01,
  'connect-redis, read, 100 B': 0.25,
};

/** Requests per second of a read of 100 B: at least this many times those of … */
const THROUGHPUT = { 'express-session': 3, bare: 0.7 };

/**
 * @param {object[]} rows of the CPU mode
 * @param {object} [http] result of the HTTP mode
 * @returns {string[]} a line for each target missed
 */
function misses(rows, http) {
  const lines = [];
  for (const { name, ratio } of rows) {
    const most = RATIOS[name];
    if (most === undefined || !ratio || ratio.median <= most) continue;
    lines.push(`${name}: ${ratio.median.toFixed(3)} of express-session, at most ${most} (missed by ${share(ratio.median / most - 1)})`);
  }
  if (!http) return lines;
  for (const [name, least] of Object.entries(THROUGHPUT)) {
    const reached = http.ratios[name];
    if (!reached || reached.median >= least) continue;
    lines.push(`requests per second: ${reached.median.toFixed(2)} times ${name}, at least ${least} (missed by ${share(1 - reached.median / least)})`);
  }
  return lines;
}

function share(number) {
  return `${Math.round(number * 100)} %`;
}

module.exports = { RATIOS, THROUGHPUT, misses };
