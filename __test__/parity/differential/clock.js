'use strict';

/**
 * A clock that stands still until told otherwise. Only `Date.now` is replaced:
 * it is what sessions are dated by, and timers keep running on real time.
 */
function startClock(at) {
  const real = Date.now;
  let now = at;
  Date.now = () => now;
  return {
    advance(ms) {
      now += ms;
    },
    stop() {
      Date.now = real;
    },
  };
}

module.exports = { startClock };
