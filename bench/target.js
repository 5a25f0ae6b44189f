'use strict';

/** The most that a request costs, as a share of express-session's in the same run. */
const RATIOS = {
  'no session': 0.085,
  'new session': 0.15,
  'read, 100 B': 0.11,
  'read, 1 kB': 0.17,
  'read, 10 kB': 0.25,
  'written, 100 B': 0.14,
  'written, 1 kB': 0.21,
  'written, 10 kB': 0.28,
  'loaded, not touched, 100 B': 0.045,
  'loaded, not touched, 10 kB': 0.006,
  'connect-redis, read, 100 B': 0.25,
};

/** Requests per second of a read of 100 B: at least this many times those of … */
const THROUGHPUT = { 'express-session': 2.3, bare: 0.65 };

/** The most that a request with a `maxAge` calls and makes: functions of the package, texts of a session. */
const WALK = {
  'MemoryStore, new': { calls: 90, texts: 1 },
  'MemoryStore, not looked at': { calls: 40, texts: 0 },
  'MemoryStore, read': { calls: 75, texts: 1 },
  'MemoryStore, written': { calls: 80, texts: 1 },
  'other store, new': { calls: 95, texts: 2 },
  'other store, read': { calls: 80, texts: 1 },
  'other store, written': { calls: 95, texts: 2 },
};

/**
 * @param {object[]} rows of the CPU mode
 * @param {object} [http] result of the HTTP mode
 * @returns {string[]} a line for each target missed
 */
function misses(rows, http) {
  const lines = [];
  for (const { name, ratio } of rows) {
    const most = ratioFor(name);
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

/** One target for each size, whatever the shape of the data. */
function ratioFor(name) {
  return RATIOS[name.replace(', many keys', '')];
}

function share(number) {
  return `${Math.round(number * 100)} %`;
}

module.exports = { ratioFor, THROUGHPUT, WALK, misses };
