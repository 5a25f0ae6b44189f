'use strict';

/**
 * A small seeded generator (mulberry32), so that a seed names a scenario.
 * @param {number} seed
 */
function createRandom(seed) {
  // neighbouring seeds must not give neighbouring sequences
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;

  function next() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  const int = (low, high) => low + Math.floor(next() * (high - low + 1));
  const chance = (probability) => next() < probability;
  const pick = (list) => list[Math.floor(next() * list.length)];

  /** @param {Array<[number, unknown]>} table weight and value */
  function weighted(table) {
    let left = next() * table.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of table) {
      left -= weight;
      if (left < 0) return value;
    }
    return table[table.length - 1][1];
  }

  return { int, chance, pick, weighted };
}

module.exports = { createRandom };
