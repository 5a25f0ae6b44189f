'use strict';

const RealDate = globalThis.Date;

/**
 * A clock that stands still until it is told. Only `Date` is faked: sockets need their
 * timers. Not `t.mock.timers`, which fakes no `Date` in Node.js 18.
 *
 * @param {import('node:test').TestContext} t the real clock is back at its end
 * @param {number} now ms since the epoch
 * @returns {{ tick: (ms: number) => void, setTime: (now: number) => void }}
 */
function clock(t, now = Date.UTC(2030, 0, 1)) {
  globalThis.Date = new Proxy(RealDate, {
    get: (target, key, receiver) => (key === 'now' ? () => now : Reflect.get(target, key, receiver)),
    apply: (target) => new target(now).toString(),
    // Dates themselves are real ones, and `instanceof` knows them under both names.
    construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [now], newTarget),
  });
  t.after(() => { globalThis.Date = RealDate; });
  return {
    tick(ms) { now += ms; },
    setTime(ms) { now = ms; },
  };
}

module.exports = { clock };
