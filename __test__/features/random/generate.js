'use strict';

/**
 * Draws scenarios: an app with random options and a random store, and a visitor who sends a few
 * requests, each of which uses its session and responds at random. A scenario is plain JSON.
 */

const { createRandom } = require('../../parity/differential/random');

const KEYS = ['user', 'cart', 'theme'];
const VALUES = ['ann', 1, { a: [1] }, [1], null, false];
/** The option `merge`: true, or a function of run.js. */
const MERGES = [true, 'all three', 'only cart'];
const KEEPS = [true, ['user'], ['cart', 'absent'], []];
/** `isLazy`: a store of another package that still has a pointer when that has expired. `resident`: a MemoryStore. `wrapped`: one with methods of the program's. `declared`: async methods that declare a callback. */
const STORES = [[5, 'resident'], [2, 'wrapped'], [5, 'callback'], [3, 'promise'], [2, 'declared']];

/** What the store has for `_meta` when a request comes: what another version, or a clock that goes wrong, has written. */
const ODD_METAS = [
  'text', null, 7, [], {}, [{ created: 1 }], { created: 'x', renewed: null, seen: {} }, { created: -1, renewed: -1, seen: -1 },
  { ago: { created: -50_000, renewed: -50_000, seen: -50_000 } }, { ago: { created: 5000, renewed: 5000, seen: -9000 } }, { ago: { created: 5000, renewed: -5000, seen: 5000 } },
  { ago: { created: 5000, seen: 5000 } }, { ago: { created: 5000, renewed: 5000 } }, { created: 0, renewed: 0, seen: 0 },
  { ago: { created: 9000, renewed: 5000, seen: 2000 }, version: 3, ip: '::1', agent: {}, other: 1 }, { ago: { seen: 9000, renewed: 9000, created: 9000 } },
];

function drawScenario(seed) {
  const random = createRandom(seed);
  const { chance, int, weighted } = random;
  const store = { kind: weighted(STORES), delay: int(0, 3), touch: chance(0.8), compares: chance(0.5), isLazy: chance(0.5), failures: [] };
  if (['resident', 'wrapped'].includes(store.kind)) store.touch = true;
  if (store.kind !== 'resident' && chance(0.5)) {
    store.failures = Array.from({ length: int(1, 3) }, () => ({
      method: weighted([[5, 'set'], [4, 'destroy'], [2, 'touch'], [2, 'get'], [2, 'setIfUnchanged']]), call: weighted([[5, 1], [3, 2], [2, 3]]),
    }));
  }
  const scenario = {
    seed,
    kind: weighted([[2, 'Express 5'], [1, 'Express 4'], [2, 'http']]),
    secrets: int(1, 2),
    options: drawOptions(random),
    store,
    requests: [],
  };
  // The store of the test gets ids again, and nothing else is to be seen of the option.
  if (store.kind !== 'resident' && chance(0.3)) scenario.options.hashIds = true;
  // What the store is asked for to renew an id is not the contract, but what comes of it.
  if (scenario.options.renewAfter) store.failures = [];
  for (let left = hasTimes(scenario) ? int(2, 5) : int(1, 4); left > 0; left--) scenario.requests.push(drawRequest(random, scenario, scenario.requests.length));
  return scenario;
}

const hasTimes = ({ options: { idleTimeout, absoluteTimeout, renewAfter } }) => Boolean(idleTimeout || absoluteTimeout || renewAfter);

function drawOptions({ chance, pick }) {
  const options = { resave: chance(0.3), saveUninitialized: chance(0.3), cookie: {} };
  const maybe = (probability, name, value) => { if (chance(probability)) options[name] = value; };
  maybe(0.6, 'commit', 'headers');
  if (options.commit) maybe(0.5, 'commitBuffer', pick([0, 4, 1000]));
  maybe(0.6, 'clearCookie', true);
  maybe(0.6, 'cacheControl', pick(['private', 'no-store']));
  maybe(0.3, 'skip', true);
  maybe(0.3, 'rolling', true);
  maybe(0.5, 'resign', true);
  maybe(0.3, 'unset', 'destroy');
  maybe(0.5, 'merge', pick(MERGES));
  // A request that comes 25 seconds later finds a session that was touched before that, or not.
  maybe(0.4, 'touchAfter', pick([20_000, 30_000]));
  if (chance(0.5)) options.cookie.maxAge = 60_000;
  if (chance(0.5)) {
    maybe(0.6, 'idleTimeout', pick([60_000, 80_000]));
    maybe(0.4, 'absoluteTimeout', pick([70_000, 100_000]));
    maybe(0.6, 'renewAfter', pick([30_000, 45_000]));
    if (options.renewAfter) options.renewGrace = pick([10_000, 27_000]);
  }
  if (chance(0.2)) options.cookie.secure = pick([true, 'auto']);
  if (chance(0.2)) options.cookie.path = '/app';
  if (chance(0.2)) options.cookie.sameSite = 'lax';
  if (chance(0.1)) options.cookie.httpOnly = false;
  return options;
}

function drawRequest(random, scenario, index) {
  const { chance, pick, weighted } = random;
  const { secure } = scenario.options.cookie;
  const steps = drawSteps(random, scenario, index);
  const response = drawResponse(random, scenario);
  // Whether JSON is asked about a session that has ended, which is not stored, nobody promises.
  if (scenario.store.kind === 'wrapped' && steps.some((step) => ['end elsewhere', 'meanwhile'].includes(step.do))) delete response.refused;
  const drawn = {
    advance: drawAdvance(random, scenario),
    method: chance(0.9) ? 'GET' : 'HEAD',
    path: weighted([[12, '/app/page'], [1, '/app/static'], [1, '/app/throws'], [1, '/elsewhere']]),
    cookie: index === 0 ? 'jar' : weighted([[14, 'jar'], [3, 'old key'], [1, 'forged'], [1, 'unknown'], [1, 'none']]),
    https: secure !== undefined && chance(0.7),
    steps,
    response,
  };
  if (!hasTimes(scenario)) return drawn;
  if (chance(0.15)) drawn.method = 'POST';
  else if (chance(0.05)) drawn.upgrade = true;
  // The response does not arrive: the visitor keeps the old cookie.
  if (chance(0.15)) drawn.lost = true;
  const { renewAfter, renewGrace } = scenario.options;
  if (index > 0 && chance(renewAfter ? 0.2 : 0.1)) drawn.cookie = 'older';
  if (renewAfter && chance(0.7)) {
    Object.assign(drawn, { path: '/app/page', cookie: 'jar' });
    if (index === 0) Object.assign(drawn, { advance: 0, https: true, steps: steps.slice(0, pick([0, 1, 1, 1, 1])) });
    if (index === 1) {
      drawn.advance = renewAfter - pick([0, 0, 0, 1, 1000]);
      // Another request renews the id while this one is under way.
      if (drawn.advance < renewAfter) drawn.steps = drawRace(random, steps);
    }
    // The id was renewed just now, and perhaps another request has brought the new one.
    if (index > 1) Object.assign(drawn, { advance: pick([0, 0, 1000, renewGrace - 1, renewGrace]), cookie: pick(['jar', 'older']) });
    // The new id is brought, and then the old one.
    if (index === 2 && chance(0.4)) Object.assign(drawn, { advance: 0, cookie: 'jar', lost: false, steps: [] });
    if (index === 3 && chance(0.6)) Object.assign(drawn, { advance: 0, cookie: 'older' });
  }
  if (index > 0 && chance(0.15)) drawn.written = chance(0.4) ? 'nothing' : pick(ODD_METAS);
  return drawn;
}

/** The time since the request before: with the options of time, often one at which something ends, or just before. */
function drawAdvance({ chance, pick, weighted }, { options, requests }) {
  const { idleTimeout, absoluteTimeout, renewAfter, renewGrace, touchAfter = 0 } = options;
  // A request that comes one minute later finds no session that lives one minute.
  const plain = weighted([[5, 0], [3, 25_000], [1, 61_000]]);
  if (requests.length === 0 || chance(0.2)) return plain;
  const since = requests.reduce((sum, { advance }) => sum + advance, 0) - requests[0].advance;
  const ends = [
    ...(idleTimeout ? [idleTimeout, idleTimeout / 10, idleTimeout / 100, idleTimeout / 2, Math.max(touchAfter, idleTimeout / 10)] : []),
    ...(absoluteTimeout ? [absoluteTimeout - since, absoluteTimeout - since] : []),
    ...(renewAfter ? [renewAfter, renewAfter, renewAfter - since, renewGrace, renewGrace, renewAfter * 0.9, 1001, 1001] : []),
  ].filter((ms) => ms > 1);
  if (ends.length === 0) return plain;
  // A second before, a request may see it come.
  return Math.max(0, pick(ends) - pick([0, 0, 1, 1000]));
}

function drawSteps(random, scenario, index) {
  const { chance, int, pick } = random;
  const steps = Array.from({ length: int(0, 4) }, () => drawStep(random, scenario));
  // It comes just before something ends, and goes on just after that.
  if (hasTimes(scenario) && chance(0.3)) {
    steps.splice(int(0, steps.length), 0, { do: 'tick' });
    if (chance(0.3)) steps.unshift({ do: 'tick' }, { do: 'reload', how: pick(['callback', 'promise']) });
  }
  // Mostly there is a session that later requests find.
  if (index === 0 && chance(hasTimes(scenario) ? 0.85 : 0.6)) steps.unshift({ do: 'set', key: pick(KEYS), value: pick(VALUES) });
  // Another request of the visitor, from its beginning to its end.
  if (index > 0 && chance(scenario.options.merge ? 0.8 : hasTimes(scenario) ? 0.4 : 0.3)) {
    steps.splice(int(0, steps.length), 0, { do: 'meanwhile', steps: drawMeanwhile(random) });
    if (chance(0.5)) steps.push({ do: 'set', key: pick(KEYS), value: pick(VALUES) });
  }
  const ended = steps.findIndex((step) => step.do === 'end elsewhere');
  if (ended !== -1 && chance(0.5)) steps.splice(ended + 1, 0, { do: 'keep', keep: pick(KEEPS), how: pick(['callback', 'promise']) });
  return steps;
}

/** Another request comes a second later, and may renew the id. After that, the session is used or ended. */
function drawRace(random, steps) {
  const { chance, pick } = random;
  const endings = [{ do: 'destroy', how: 'promise' }, { do: 'null' }, { do: 'regenerate', how: 'callback' }, { do: 'keep', keep: true, how: 'promise' }];
  return [
    { do: 'tick' }, { do: 'meanwhile', steps: chance(0.5) ? [] : drawMeanwhile(random) },
    ...(chance(0.6) ? steps.slice(0, 1) : []), ...(chance(0.5) ? [pick(endings)] : []),
  ];
}

function drawMeanwhile({ chance, int, pick, weighted }) {
  return Array.from({ length: int(1, 3) }, () => weighted([
    [8, { do: 'set', key: pick(KEYS), value: pick(VALUES) }],
    [3, { do: 'delete', key: pick(KEYS) }],
    [3, { do: 'push', key: 'cart' }],
    [1, { do: 'save', how: pick(['callback', 'promise']) }],
    [1, { do: 'destroy', how: pick(['callback', 'promise']) }],
    [1, { do: 'keep', keep: pick(KEEPS), how: 'promise' }],
    [1, { do: 'touch', renews: false }],
    [1, { do: 'maxAge', ms: chance(0.5) ? 5000 : 90_000 }],
  ]));
}

function drawStep(random, { store, options }) {
  const { chance, pick, weighted } = random;
  const how = () => pick(['callback', 'promise', 'forget']);
  // A call that fails while the response is sent is heard at a time that nobody promises.
  const canRace = !store.failures.some(({ method }) => ['set', 'destroy'].includes(method));
  const raceOr = () => (canRace && chance(0.3) ? 'race' : how());
  // With `merge` or `renewAfter`, a save that is under way stores what the session is when its turn has come.
  const raceOrMerge = () => (options.merge || options.renewAfter ? how() : raceOr());
  return weighted([
    [8, { do: 'set', key: pick(KEYS), value: pick(VALUES) }],
    [2, { do: 'delete', key: pick(KEYS) }],
    [2, { do: 'push', key: 'cart' }],
    [2, { do: 'look' }],
    [2, { do: 'save', how: raceOrMerge() }],
    [1, { do: 'reload', how: how() }],
    [2, { do: 'destroy', how: options.renewAfter ? how() : raceOr() }],
    [1, { do: 'regenerate', how: how() }],
    [3, { do: 'keep', keep: pick(KEEPS), how: how() }],
    [4, { do: 'touch', renews: chance(0.4) }],
    [1, { do: 'maxAge', ms: 5000 }],
    [1, { do: 'null' }],
    [1, { do: 'end elsewhere' }],
    // Without `merge` and the options of time, the key `_meta` is data like any other.
    [options.merge || hasTimes({ options }) ? 2 : 0, { do: 'meta', value: pick([{ version: 9 }, { created: 0, renewed: 0, seen: 0 }, 'text', null]) }],
    [hasTimes({ options }) ? 1 : 0, { do: 'no meta' }],
    [1, { do: 'header', name: 'Cache-Control', value: pick(['public', 'max-age=5']) }],
    [2, { do: 'header', name: 'Vary', value: pick(['Accept', 'Accept, cookie', '*', 'X-Cookie']) }],
    [1, { do: 'header', name: 'Set-Cookie', value: 'other=1' }],
    [1, { do: 'header', name: 'X-App', value: 'stays' }],
    [1, { do: 'hints' }],
    [1, { do: 'tick' }],
  ]);
}

const SYNC_STEPS = ['set', 'delete', 'null', 'touch'];
const LATE_STEPS = [...SYNC_STEPS, 'maxAge', 'save', 'destroy'];

function drawResponse(random, scenario) {
  const { chance, int, pick, weighted } = random;
  const isExpress = scenario.kind !== 'http';
  const word = () => 'x'.repeat(pick([1, 3, 3, 5, 700]));
  const late = () => {
    if (chance(0.5)) return [];
    return Array.from({ length: int(1, 3) }, () => drawStep(random, scenario)).filter((step) => LATE_STEPS.includes(step.do));
  };
  const draw = () => weighted([
    [4, { kind: 'end', body: chance(0.8) ? word() : '', again: chance(0.2) }],
    [3, { kind: 'burst', chunks: Array.from({ length: int(2, 4) }, word), late: late() }],
    [2, { kind: 'head', status: pick([200, 201, 404]), headers: drawHeaders(random), sized: chance(0.5), body: word(), late: late() }],
    [1, { kind: 'flush', body: word(), late: late() }],
    [1, { kind: 'pipe', chunks: Array.from({ length: int(1, 4) }, word) }],
    [1, { kind: 'empty', status: pick([204, 304]) }],
    [1, { kind: 'throw' }],
    [isExpress ? 3 : 0, { kind: pick(['send', 'json']), body: word() }],
    [isExpress ? 1 : 0, { kind: 'redirect' }],
  ]);
  const response = draw();
  // Late steps come when the store has settled the session, or at once if they need no time. Which
  // attributes the cookie then has nobody promises.
  const canHurry = (step) => SYNC_STEPS.includes(step.do) && !step.renews;
  // With `merge`, they may be stored together with what came before.
  if (!scenario.options.merge && !scenario.options.renewAfter && response.late?.every(canHurry) && chance(0.5)) response.hurries = true;
  // What JSON refuses is an error page if nothing of the response has left. An async `set` cannot
  // refuse at its call.
  const isWhole = ['end', 'send', 'json', 'redirect', 'empty'].includes(response.kind);
  const isHeld = scenario.options.commit === 'headers' && response.kind !== 'throw' && !(response.late?.length > 0);
  const isAtOnce = !['promise', 'declared'].includes(scenario.store.kind);
  // With `commit: 'end'`, a second call of `end` would end the response that was refused.
  if ((isHeld || isWhole) && isAtOnce && chance(0.06)) Object.assign(response, { refused: true, again: isHeld && response.again });
  return response;
}

function drawHeaders({ chance, pick }) {
  const headers = { ETag: '"a"', 'Content-Type': 'text/x', 'Content-Language': 'en' };
  if (chance(0.3)) headers['Cache-Control'] = 'public';
  if (chance(0.3)) headers.Vary = pick(['Accept', '*']);
  return headers;
}

module.exports = { drawScenario };
