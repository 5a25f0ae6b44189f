'use strict';

/**
 * Draws a scenario: options × store × requests × what handlers do × how
 * responses end. The result is plain JSON, so that a failing one can be read,
 * replayed and made smaller.
 *
 * Most draws are ordinary apps; each oddity is rare for itself, so that one
 * oddity does not hide the others.
 */
const { createRandom } = require('./random');
const { COOKIES, PARSED } = require('./forger');
const { drawOptions, isFragile } = require('./options');
const { drawHandler } = require('./handler');
const { addHabits } = require('./habits');
const { drawSeeds, drawData } = require('./seeds');
const { patches } = require('./patches');

const START = 1_700_000_000_000;
/** Between the seed of a scenario and that of its habits. */
const HABIT_SEEDS = 1_000_000_007;

function drawScenario(seed) {
  const random = createRandom(seed);
  const { chance, int, pick } = random;
  const server = drawServer(random);
  const options = drawOptions(random, server);
  // an app that hardly looks at its sessions, on the MemoryStore and its own ids
  const shy = chance(0.2);
  if (shy) {
    options.genid = { kind: 'own' };
    options.cookie = { value: chance(0.6) ? { maxAge: 60_000 } : {} };
  }
  const store = shy ? { kind: pick(['default', 'memory']) } : drawStore(random);
  const fragile = isFragile(options);
  const scenario = {
    seed,
    start: START + int(0, 999),
    server,
    options,
    store,
    shy,
    patch: chance(shy ? 0.25 : 0.06) ? pick(Object.keys(patches)) : null,
    // what replacements.js draws of it
    replaced: [],
    // a visitor who comes back with the right cookie, again and again
    calm: chance(0.4),
    requestSecret: options.secret ? null : 'the request secret',
    seeds: store.kind !== 'default' && chance(0.2) ? drawSeeds(random) : [],
    requests: [],
    habits: [],
  };
  if (scenario.patch && scenario.patch.startsWith('Cookie.prototype') && fragile) scenario.patch = null;

  const count = int(2, 5);
  for (let index = 0; index < count; index++) {
    scenario.requests.push(drawRequest(random, scenario, index, fragile));
  }
  addHabits(createRandom(seed + HABIT_SEEDS), scenario);
  return scenario;
}

function drawServer({ chance, weighted }) {
  const kind = weighted([[4, 'http'], [3, 'express4'], [3, 'express5']]);
  return {
    kind,
    encrypted: chance(0.15),
    twice: chance(0.05),
    mount: kind !== 'http' && chance(0.1) ? '/app' : null,
    trustProxy: kind !== 'http' && chance(0.3),
  };
}

function drawStore(random) {
  const { chance, int, pick, weighted } = random;
  const kind = weighted([[18, 'default'], [17, 'memory'], [10, 'spied'], [5, 'subclass'], [50, 'custom']]);
  if (kind === 'spied') {
    const methods = ['get', 'set', 'touch', 'destroy'].filter(() => chance(0.6));
    return { kind, methods: methods.length > 0 ? methods : ['get'], from: pick([0, 0, 1, 2]), slow: chance(0.3) };
  }
  if (kind !== 'custom') return { kind };

  const failures = [];
  if (chance(0.25)) {
    for (const on of ['get', 'set', 'touch', 'destroy']) {
      if (!chance(0.45)) continue;
      const from = int(0, 2);
      failures.push({
        on,
        error: on === 'get'
          ? weighted([[3, 'plain'], [5, 'ENOENT'], [1, 'coded'], [1, 'text'], [1, 'object']])
          : weighted([[5, 'plain'], [2, 'ENOENT'], [2, 'coded'], [1, 'text']]),
        from,
        to: from + pick([1, 2, 100]),
        withValue: chance(0.2),
      });
    }
  }
  return {
    kind,
    build: pick(['class', 'inherits', 'proto']),
    answer: weighted([[5, 'sync'], [5, 'immediate'], [2, 'late'], [2, 'later']]),
    touch: weighted([[7, true], [3, false], [1, 'late']]),
    reading: weighted([[12, 'text'], [4, 'date'], [4, 'cookie last'], [2, 'live'], [1, 'no cookie']]),
    missing: weighted([[5, { $: 'undefined' }], [4, null], [1, false], [1, 0], [1, '']]),
    marks: weighted([[12, null], [1, 'before set'], [1, 'after set'], [2, 'touch']]),
    failures,
  };
}

function drawRequest(random, scenario, index, fragile) {
  const { chance, pick, weighted } = random;
  const { options, server, store } = scenario;
  const detached = server.kind === 'http' && chance(0.04);
  const cookieParser = chance(0.07) ? pick(PARSED) : null;
  const cookie = scenario.calm || scenario.shy ? 'last' : index === 0 && scenario.seeds.length === 0 && chance(0.7) ? 'none' : weighted(COOKIES);
  const request = {
    before: index === 0 ? [] : drawBetween(random, scenario),
    method: weighted([[10, 'GET'], [2, 'POST'], [2, 'HEAD'], [1, 'PUT']]),
    target: drawTarget(random, options, server),
    cookie: cookieParser && chance(0.7) ? 'none' : cookie,
    // a store of ours may not be asked for an id that is no string
    cookieParser: cookieParser === 'signed, number' && store.kind !== 'custom' ? 'signed' : cookieParser,
    headers: drawHeaders(random),
    preset: drawPreset(random, scenario),
    detached,
    inspect: chance(scenario.shy ? 0.1 : 0.5),
    steps: [],
  };
  request.steps = drawHandler(random, scenario, { fragile, detached, head: request.method === 'HEAD' });
  return request;
}

function drawBetween(random, scenario) {
  const { chance, pick } = random;
  if (scenario.shy) return [{ do: 'advance', ms: pick([1, 45_000, 59_999, 60_000]) }];
  if (scenario.calm) return chance(0.7) ? [{ do: 'advance', ms: pick([1, 500, 30_000]) }] : [];
  const actions = [];
  if (chance(0.6)) actions.push({ do: 'advance', ms: pick([1, 500, 1000, 30_000, 60_000, 1_800_000, 3_600_000, 90_000_000]) });
  if (scenario.options.secret && scenario.options.secret.kind === 'array' && chance(0.25)) {
    const value = chance(0.8) ? `rotated ${actions.length}` : { $: 'buffer', text: 'rotated bytes' };
    actions.push({ do: pick(['new secret', 'new secret', 'push secret', 'replace secret']), value });
  }
  const emitted = scenario.requests.flatMap(({ before }) => before).filter((action) => action.do === 'emit').pop();
  if (emitted && emitted.event === 'disconnect') {
    if (chance(0.6)) actions.push({ do: 'emit', event: 'connect' });
  } else if (chance(0.1)) actions.push({ do: 'emit', event: chance(0.8) ? 'disconnect' : 'connect' });
  if (chance(0.08)) actions.push({ do: pick(['forget', 'edit', 'clear', 'destroy']) });
  if (chance(0.04)) actions.push({ do: 'set', value: drawData(random) });
  return actions;
}

function drawTarget({ chance, pick }, { cookie }, { kind, mount }) {
  const path = cookie && cookie.value && typeof cookie.value.path === 'string' ? cookie.value.path : '/';
  const inside = mount || (path === '/' ? '' : path.replace(/\/$/, ''));
  if (chance(0.8)) return `${inside}${pick(['/', '/page', '/page?q=1', '/alt', '/a/b;c=d?e#f'])}`;
  const odd = ['/', '/app', '/app/x?y=/z', '/apple', '/other', '//app/x', '/%61pp/', '/?/app', 'http://localhost/app/x', 'http://localhost'];
  // routers have views of their own on this one
  if (kind === 'http') odd.push('*');
  return pick(odd);
}

function drawHeaders({ chance, pick }) {
  if (!chance(0.5)) return [];
  return [['X-Forwarded-Proto', pick(['https', 'https', 'HTTPS', 'HTTPS, http', ' https , http', 'https,http', 'http', 'http, https', '', 'wss'])]];
}

function drawPreset({ chance, pick }, { options, requestSecret }) {
  const preset = {};
  if (!options.secret && !chance(0.15)) preset.secret = requestSecret;
  else if (options.secret && chance(0.05)) preset.secret = 'not used';
  if (chance(0.02)) preset.session = pick([{ mine: true }, { cookie: {}, mine: 1 }]);
  if (chance(0.02)) preset.session = pick([null, 0, '']);
  if (chance(0.02)) preset.secure = true;
  return preset;
}

module.exports = { drawScenario };
