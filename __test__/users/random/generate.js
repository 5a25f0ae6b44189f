'use strict';

/**
 * Draws scenarios: a few users with a few browsers, whose requests begin, use their sessions step by step
 * and end, some of them slowly, while others act. A scenario is plain JSON.
 */

const { createRandom } = require('../../parity/differential/random');

/** The last one needs escapes in JSON. */
const USERS = ['ann', 'bob', 'c"\\ü😀'];
const KEYS = ['a', 'b'];
const KEEPS = [true, ['user'], ['a', 'absent'], []];
const MOST_OPEN = 4;

/** Each way to log a user in. */
const LOGINS = ['plain', 'regenerate', 'keep', 'save, then keep'];

/**
 * @param {number} seed
 * @param {{ isOurs?: boolean, hasExpiry?: boolean }} kind of stores.js: with `hasExpiry`, the fake clock
 *   also tells the store when sessions expire
 */
function drawScenario(seed, { hasExpiry = true } = {}) {
  const random = createRandom(seed);
  const { chance, int } = random;
  // A request whose session is named to the store learns of a new id of it.
  const scenario = { seed, namesSession: chance(0.3), options: drawOptions(random, hasExpiry), events: [] };
  const open = [];
  let count = 0;
  const { events, options } = scenario;
  const add = (event) => { events.push({ after: drawPause(random, options), ...event }); };
  if (options.renewAfter && chance(0.5)) {
    drawRenewal(random, options, events);
    open.push(1);
    count = 3;
  }
  if (count === 0 && chance(0.2)) {
    drawEnding(random, events);
    open.push(0);
    count = 1;
  }
  for (let left = int(10, 36); left > 0; left--) {
    const drawn = random.weighted([[open.length < MOST_OPEN ? 8 : 0, 'begin'], [open.length > 0 ? 9 : 0, 'act'], [open.length > 0 ? 6 : 0, 'end'], [1, 'admin']]);
    if (drawn === 'begin') {
      const request = count++;
      add({ do: 'begin', request, device: int(0, 3), method: chance(0.85) ? 'GET' : 'POST', looks: chance(0.7) });
      // Half of the requests are quick: one step, or none, and the end.
      if (chance(0.5)) {
        if (chance(0.8)) add({ do: 'act', request, after: 0, step: drawStep(random, options) });
        add({ do: 'end', request, after: 0, isLost: chance(0.1) });
      } else {
        open.push(request);
      }
    } else if (drawn === 'act') {
      add({ do: 'act', request: random.pick(open), step: drawStep(random, options) });
    } else if (drawn === 'end') {
      add({ do: 'end', request: open.splice(int(0, open.length - 1), 1)[0], isLost: chance(0.1) });
    } else {
      add({ do: 'admin', step: drawEnd(random, false) });
    }
  }
  return scenario;
}

/** A session gets a new id while a request with the old one is under way. */
function drawRenewal(random, options, events) {
  const { chance } = random;
  const ends = [{ do: 'destroy' }, { do: 'unset' }, { do: 'regenerate' }, { do: 'keep', keep: true }, { do: 'save' }, { do: 'end all', isExcepted: true }];
  const more = (likely) => {
    if (chance(0.6)) events.push({ after: 1, do: 'act', request: 1, step: chance(likely) ? random.pick(ends) : drawStep(random, options) });
  };
  // What is renewed ends no other device.
  if (chance(0.3)) options.maxSessions = 1;
  events.push({ after: 1, do: 'begin', request: 0, device: 0, method: 'GET', looks: false });
  events.push({ after: 1, do: 'act', request: 0, step: { do: 'login', user: random.pick(USERS), how: random.pick(LOGINS), keep: true, isSaved: false } });
  events.push({ after: 1, do: 'end', request: 0, isLost: false });
  events.push({ after: 40_000, do: 'begin', request: 1, device: 0, method: 'POST', looks: chance(0.7) });
  more(0);
  events.push({ after: 1, do: 'begin', request: 2, device: 0, method: 'GET', looks: chance(0.7) });
  events.push({ after: 1, do: 'end', request: 2, isLost: chance(0.3) });
  more(0.7);
}

/** A session is ended just after its request has stored it. */
function drawEnding({ pick }, events) {
  const user = pick(USERS);
  const act = (step) => { events.push({ after: 1, do: 'act', request: 0, step }); };
  events.push({ after: 1, do: 'begin', request: 0, device: 0, method: 'GET', looks: true });
  act({ do: 'login', user, how: pick(LOGINS), keep: true, isSaved: true });
  events.push({ after: 1, do: 'admin', step: { do: 'end all', user, isExcepted: false } });
  act(pick([{ do: 'write', key: 'a', value: 1 }, { do: 'save' }, { do: 'keep', keep: true }]));
}

function drawOptions({ chance, int }, hasExpiry) {
  const options = { cookie: {} };
  const maybe = (probability, name, value) => { if (chance(probability)) options[name] = value; };
  maybe(0.4, 'merge', true);
  maybe(0.4, 'maxSessions', int(1, 3));
  maybe(0.3, 'unset', 'destroy');
  maybe(0.2, 'rolling', true);
  maybe(0.2, 'resave', true);
  maybe(0.15, 'saveUninitialized', true);
  maybe(0.2, 'commit', 'headers');
  maybe(0.4, 'renewAfter', 30_000);
  if (options.renewAfter) options.renewGrace = 15_000;
  maybe(0.25, 'idleTimeout', 59_000);
  maybe(0.15, 'absoluteTimeout', 90_000);
  if (chance(0.5)) options.cookie.maxAge = hasExpiry ? 70_000 : 3_600_000;
  maybe(0.25, 'hashIds', true);
  // The methods of a MemoryStore are called, as a program has replaced one of them.
  maybe(0.2, 'isWrapped', true);
  // Its sessions are of the original's class, as those of most stores.
  maybe(0.3, 'isForeign', true);
  return options;
}

/** Mostly nothing happens in between. Time goes by where something may end. */
function drawPause({ chance, pick }, { idleTimeout, absoluteTimeout, renewAfter, cookie }) {
  const isTimed = idleTimeout || absoluteTimeout || renewAfter || cookie.maxAge;
  if (!isTimed || chance(0.75)) return 1;
  return pick([20_000, 20_000, 40_000]);
}

function drawStep(random, options) {
  const { chance, pick, weighted } = random;
  return weighted([
    [8, { do: 'login', user: pick(USERS), how: pick(LOGINS), keep: pick(KEEPS), isSaved: chance(0.3) }],
    [4, { do: 'write', key: pick(KEYS), value: random.int(0, 2) }],
    [1, { do: 'delete', key: pick(KEYS) }],
    [3, { do: 'save' }],
    [2, { do: 'reload' }],
    [2, { do: 'destroy' }],
    [1, { do: 'unset' }],
    [1, { do: 'delete', key: 'user' }],
    [1, { do: 'regenerate' }],
    [2, { do: 'keep', keep: pick(KEEPS) }],
    [options.commit ? 2 : 0, { do: 'head' }],
    [4, drawEnd(random, true)],
  ]);
}

function drawEnd({ chance, int, pick }, isInRequest) {
  const user = chance(0.6) || !isInRequest ? pick(USERS) : undefined;
  if (chance(0.4)) return { do: 'end one', user, at: int(0, 2) };
  return { do: 'end all', user, isExcepted: isInRequest && chance(0.6) };
}

module.exports = { USERS, drawScenario };
