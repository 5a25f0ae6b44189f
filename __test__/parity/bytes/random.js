'use strict';

/**
 * Seeded randomness. Every case has its own generator, seeded with the run's
 * seed plus the case's number, so that one failing case is repeated alone:
 * BYTES_SEED=<its seed> BYTES_CASES=1.
 */

const firstSeed = Number(process.env.BYTES_SEED || 1);
const cases = Number(process.env.BYTES_CASES || 2000);

class Random {
  constructor(seed) {
    this.state = seed >>> 0;
    // Neighbouring seeds start alike; a few rounds take them apart.
    for (let i = 0; i < 4; i++) this.bits();
  }

  /** 32 random bits. The generator known as mulberry32. */
  bits() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit) {
    return Math.floor((this.bits() / 0x100000000) * limit);
  }

  chance(probability) {
    return this.bits() / 0x100000000 < probability;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Up to `limit` pieces, each made by `piece`, put together. */
  text(limit, piece) {
    let text = '';
    for (let n = this.below(limit + 1); n > 0; n--) text += piece();
    return text;
  }

  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/**
 * Calls `check(random, seed)` for every case, and adds to a failure how to
 * repeat it.
 */
function forEachCase(check, share = 1) {
  for (let i = 0; i < Math.max(1, Math.floor(cases * share)); i++) {
    const seed = firstSeed + i;
    try {
      check(new Random(seed), seed);
    } catch (error) {
      error.message += `\n(repeat with BYTES_SEED=${seed} BYTES_CASES=1)`;
      throw error;
    }
  }
}

module.exports = { Random, forEachCase };
