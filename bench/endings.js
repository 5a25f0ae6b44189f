'use strict';

/** ms that endings are told apart by. */
const TICK = 100;

/** How many sessions end when. */
class Endings {
  constructor() {
    /** Counts by the tick they are in. */
    this.ticks = new Map();
    this.next = tickOf(Date.now());
  }

  /** @param {number} end ms since the epoch, not yet passed */
  add(end) {
    this.change(end, 1);
  }

  remove(end) {
    this.change(end, -1);
  }

  change(end, by) {
    const tick = tickOf(end);
    this.ticks.set(tick, (this.ticks.get(tick) || 0) + by);
  }

  /** How many have ended, by `now`, since the last call. */
  pass(now) {
    let count = 0;
    for (const present = tickOf(now); this.next < present; this.next++) {
      count += this.ticks.get(this.next) || 0;
      this.ticks.delete(this.next);
    }
    return count;
  }
}

function tickOf(time) {
  return Math.floor(time / TICK);
}

module.exports = Endings;
