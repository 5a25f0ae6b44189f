'use strict';

/**
 * Draws into a scenario what programs do now and then, each for itself or several at
 * once: see `HABITS`. They have random numbers of their own, so that the scenario around
 * them is the one that the seed has without them.
 */
const { drawEnding, drawStep } = require('./handler');
const { ODD_COOKIES } = require('./forger');
const { isFragile } = require('./options');
const { patches } = require('./patches');
const { TRAPS } = require('./wraps');

const ENDING = ['end', 'stream', 'send', 'json', 'redirect', 'sendStatus', 'writeHead', 'flushHeaders', 'write'];

/** How many habits a scenario has. */
const HOW_MANY = [[45, 0], [35, 1], [14, 2], [6, 3]];

function addHabits(random, scenario) {
  const app = { random, scenario, fragile: isFragile(scenario.options), isMemory: scenario.store.kind !== 'custom' };
  for (let left = random.weighted(HOW_MANY); left > 0; left--) {
    const name = random.weighted(HABITS);
    const request = random.pick(scenario.requests);
    draws[name]({ ...app, request });
    scenario.habits.push(name);
    // what came of it shows in the store
    for (const each of scenario.requests) each.inspect ||= random.chance(0.5);
  }
}

const HABITS = [
  [12, 'wrapped session'],
  [5, 'watchful data'],
  [4, 'accessor for the session'],
  [5, 'options that change'],
  [4, 'transport that changes'],
  [4, 'request meanwhile'],
  [4, 'odd id'],
  [2, 'odd genid'],
  [1.5, 'setter for the id'],
  [2, 'generate'],
  [2, 'two middlewares'],
  [6, 'form'],
  [6, 'not waited for'],
  [2, 'session of another'],
  [3, 'blank record'],
  [3, 'integer keys'],
  [3, 'data in the cookie'],
  [3, 'look through the store'],
  [1, 'name that is no string'],
  [2, 'odd cookie header'],
  [3, 'writeHead form'],
  [1.5, 'write after end'],
  [6, 'replaced'],
  [1.5, 'wrapped store'],
  [4, 'parsed URL'],
];

const draws = {
  'wrapped session': ({ random, scenario, request, fragile }) => {
    const { chance, int, pick } = random;
    const wraps = [drawWrap(random)];
    if (chance(0.2)) wraps.push({ do: 'wrap', how: 'proxy', traps: pick(TRAPS) });
    const steps = [...wraps];
    for (let left = int(1, 4); left > 0; left--) steps.push(...drawAfterWrap(random, scenario, fragile));
    if (chance(0.15)) steps.push(drawWrap(random));
    insert(random, request, steps);
  },

  'watchful data': ({ random, scenario, request, fragile }) => {
    const { chance, pick } = random;
    const steps = [{
      do: 'watchful',
      how: pick(['getter', 'getter', 'nested toJSON', 'nested toJSON', 'nested getter', 'toJSON', 'cookie text', 'accessor', 'accessor']),
      key: pick(['left', 'cart']),
    }];
    if (steps[0].how === 'accessor' && chance(0.4)) steps.push(drawStep('newCookie', random));
    if (chance(0.2)) steps.push(drawWrap(random));
    if (chance(0.7)) steps.push(...drawAfterWrap(random, scenario, fragile));
    insert(random, request, steps);
  },

  'accessor for the session': ({ random, scenario, request }) => {
    const { chance } = random;
    const wraps = chance(0.3);
    if (scenario.server.kind !== 'http' && chance(0.5)) {
      scenario.server.accessor = { configurable: true, wraps };
    } else {
      arriveWith(request, { do: 'accessor', configurable: chance(0.6), wraps });
    }
  },

  'options that change': ({ random, scenario }) => {
    const { chance, int, pick } = random;
    const { options } = scenario;
    if (!options.cookie || options.cookie.perRequest || typeof options.cookie.value !== 'object') options.cookie = { value: {} };
    const { cookie } = options;
    const [field, ...values] = pick(TENANT_OPTIONS);
    if (chance(0.5)) cookie.value[field] = pick(values);
    if (chance(0.35)) {
      cookie.getters = [field];
      cookie.value[field] = field === 'maxAge' && chance(0.5) ? { $: 'left', until: scenario.start + 5_000_000 } : pick(values);
    }
    for (const request of scenario.requests) {
      for (let left = int(0, 2); left > 0; left--) {
        const change = { do: 'option', field, value: pick(values) };
        const where = pick(['arrival', 'arrival', 'before', 'step', 'step', 'first step']);
        if (where === 'arrival') arriveWith(request, change);
        else if (where === 'before') request.before.push(change);
        else if (where === 'first step') request.steps.unshift(change);
        else insert(random, request, [change]);
      }
    }
    if (chance(0.4)) addMeanwhile(random, scenario, pick(scenario.requests), [{ do: 'option', field, value: pick(values) }]);
  },

  'transport that changes': ({ random, scenario, request }) => {
    const { chance, pick } = random;
    const { options, server } = scenario;
    if (!options.cookie || options.cookie.perRequest || typeof options.cookie.value !== 'object') options.cookie = { value: {} };
    const { value } = options.cookie;
    const which = pick(['secure', 'sameSite', 'both']);
    if (which !== 'sameSite') value.secure = chance(0.8) ? 'auto' : true;
    if (which !== 'secure') value.sameSite = 'auto';
    if (server.kind !== 'http') server.sub = chance(0.3);
    for (const each of scenario.requests) {
      if (each !== request && chance(0.5)) continue;
      // what the transport decides is decided for new sessions
      if (chance(0.6)) each.cookie = 'none';
      const change = { do: 'transport', ...pick([
        { field: 'x-forwarded-proto', value: 'https' },
        { field: 'x-forwarded-proto', value: 'http' },
        { field: 'x-forwarded-proto', value: null },
        server.kind === 'http' ? { field: 'secure', value: true } : { field: 'trust proxy', value: chance(0.5) },
      ]) };
      if (chance(0.6)) each.steps.unshift(change);
      else if (chance(0.8)) insert(random, each, [change]);
      else arriveWith(each, change);
    }
  },

  'request meanwhile': ({ random, scenario, request }) => {
    const { chance } = random;
    if (chance(0.3)) request.steps.unshift({ do: 'remember' });
    addMeanwhile(random, scenario, request, []);
  },

  'odd id': ({ random, scenario, fragile }) => {
    const { pick } = random;
    const id = { do: 'takeID', value: pick(ODD_IDS) };
    const after = pick([
      ['reload'], ['reload', 'set'], ['set', 'reload', 'set', 'save'], ['save'], ['set', 'save'], ['save', 'reload'],
      ['regenerate'], ['regenerate', 'set'], ['set'], [], ['read', 'identity'], ['destroy'], ['touch', 'set'], ['unset'],
    ]);
    const before = pick([[], ['read'], ['set', 'save'], ['reload']]);
    if (!areFit([...before, ...after], scenario, fragile)) return;
    const steps = [...before.map((name) => drawStep(name, random)), id, ...after.map((name) => drawStep(name, random))];
    insert(random, ofVisitor(random, scenario), steps);
  },

  'odd genid': ({ random, scenario }) => {
    const { chance, pick } = random;
    scenario.options.genid = chance(0.5)
      ? { kind: 'odd', text: pick(['\ud800', 'a\nb', '\u0000', 'x'.repeat(3000), '../', '[object Object]', '\u2028']) }
      : { kind: 'value', value: pick(ODD_IDS) };
  },

  'setter for the id': ({ random, scenario }) => {
    const request = ofVisitor(random, scenario);
    if (!request.detached) arriveWith(request, { do: 'idSetter' });
    if (random.chance(0.5)) insert(random, request, [drawStep(random.pick(['read', 'set', 'increase']), random)]);
  },

  generate: ({ random, scenario, request, fragile }) => {
    const { chance, pick } = random;
    if (fragile) return;
    const steps = chance(0.5) ? [{ do: 'generate' }] : [{ do: 'replaceGenerate', marks: chance(0.5) }];
    const after = pick([[], ['set'], ['read'], ['save'], ['set', 'save'], ['regenerate'], ['reload'], ['identity', 'set']]);
    if (!areFit(after, scenario, fragile)) return;
    insert(random, request, [...steps, ...after.map((name) => drawStep(name, random))]);
  },

  'two middlewares': ({ random, scenario }) => {
    const { chance, pick } = random;
    if (scenario.store.kind === 'default') scenario.store = { kind: 'memory' };
    scenario.second = { ...scenario.options };
    const { second } = scenario;
    if (chance(0.4)) Object.assign(second, { name: 'second.sid' });
    if (chance(0.6)) second.cookie = { value: pick([{ maxAge: 5000 }, { path: '/', sameSite: 'strict' }, { maxAge: 90_000, secure: 'auto' }, {}]) };
    if (chance(0.3)) second.rolling = true;
    if (chance(0.3)) second.resave = !second.resave;
    if (chance(0.3)) second.unset = pick(['destroy', 'keep']);
    for (const request of scenario.requests) request.session = chance(0.5) ? 1 : 0;
  },

  form: ({ random, scenario, request, fragile }) => {
    const { chance, int, pick } = random;
    const fields = {};
    // a live object keeps what only a session of ours shows
    const names = scenario.store.reading === 'live' ? FORM_NAMES.filter((name) => name !== 'save' && name !== 'reload') : FORM_NAMES;
    for (let left = int(1, 3); left > 0; left--) fields[pick(names)] = pick(FORM_VALUES);
    if (chance(0.4)) fields.user = 'ann';
    const steps = [{ do: 'form', fields, by: pick(['assign', 'assign', 'set']) }];
    if (chance(0.4)) steps.push(...drawAfterWrap(random, scenario, fragile));
    insert(random, request, steps);
  },

  'not waited for': ({ random, scenario, fragile }) => {
    const steps = random.pick(UNWAITED).map((name) => drawUnwaited(name, random));
    if (!areFit(steps.map((step) => step.do), scenario, fragile)) return;
    insert(random, ofVisitor(random, scenario), steps);
  },

  'session of another': ({ random, scenario, request, fragile }) => {
    const { int, pick } = random;
    const at = scenario.requests.indexOf(request);
    for (const earlier of scenario.requests.slice(0, Math.max(1, at))) insert(random, earlier, [{ do: 'remember' }]);
    const after = pick([[], ['set'], ['save'], ['set', 'save'], ['reload'], ['identity', 'read'], ['destroy'], ['regenerate', 'set'], ['touch']]);
    if (!areFit(after, scenario, fragile)) return;
    const adoption = pick([{ do: 'adopt', at: int(0, 2) }, { do: 'takeID', from: 'another', value: 'another-id' }]);
    insert(random, request, [adoption, ...after.map((name) => drawStep(name, random))]);
  },

  'blank record': ({ random, scenario }) => {
    const { pick } = random;
    for (const request of scenario.requests.slice(1)) {
      if (random.chance(0.4)) continue;
      const blank = { do: 'blank', sid: pick([null, null, 'blank']), value: pick([null, { $: 'undefined' }, '']) };
      request.before.push(blank);
      if (random.chance(0.5)) request.before.push({ do: 'look', how: pick(['all', 'length', 'sessions']) });
    }
  },

  'integer keys': ({ random, scenario }) => {
    const { chance, int, pick } = random;
    for (const request of scenario.requests) {
      if (chance(0.3)) continue;
      const steps = [{ do: 'set', key: pick(['10', '2', '7', '4294967294', '4294967295', '-1', '01']), value: int(0, 9) }];
      if (chance(0.3)) steps.push(drawStep(pick(['save', 'delete', 'read', 'same']), random));
      insert(random, request, steps);
    }
  },

  'data in the cookie': ({ random, scenario }) => {
    const { chance, int, pick } = random;
    const { requests } = scenario;
    while (requests.length < 4) requests.push(structuredClone(pick(requests)));
    requests.forEach((request, index) => {
      // two visitors whose cookies are stored alike, and who come again
      if (index < 2) {
        request.cookie = 'none';
        insert(random, request, [drawStep('set', random), { do: 'save' }, { do: 'storeEdit', value: ALIKE }]);
      } else {
        request.cookie = pick(['first', 'last']);
        if (chance(0.7)) insert(random, request, [{ do: 'cookieData', value: int(0, 1) }]);
      }
    });
  },

  'look through the store': ({ random, scenario }) => {
    for (const request of scenario.requests.slice(1)) {
      if (random.chance(0.3)) continue;
      const look = { do: 'look', how: random.pick(['all', 'length', 'sessions']) };
      if (random.chance(0.5)) request.before.push(look);
      else request.before.unshift(look);
    }
  },

  'name that is no string': ({ random, scenario }) => {
    scenario.options.name = random.pick([7, true, ['sid'], ['a', 'b'], 1.5]);
  },

  'odd cookie header': ({ random, scenario }) => {
    for (const request of scenario.requests) {
      if (random.chance(0.5)) request.cookie = random.pick(ODD_COOKIES);
    }
  },

  'writeHead form': ({ random, request }) => {
    const { pick } = random;
    const headers = pick([
      { 'Content-Type': 'text/plain' }, { 'Set-Cookie': 'own=1' }, { 'set-cookie': ['own=1', 'two=2'] }, {},
      ['Content-Type', 'text/plain'], ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'], [['X-One', '1'], ['Set-Cookie', 'c=3']], [],
    ]);
    const reason = pick([{ $: 'undefined' }, null, '', 'Fine']);
    const args = pick([[200, reason, headers], [200, reason, headers], [200, reason], [200, headers], ['201', reason, headers]]);
    const at = request.steps.findIndex((step) => ENDING.includes(step.do));
    if (at === -1) return;
    // a second one is refused
    if (request.steps[at].do === 'writeHead') request.steps[at].args = args;
    else request.steps.splice(at, 0, { do: 'writeHead', args });
  },

  'write after end': ({ random, scenario, request, isMemory }) => {
    // whether the MemoryStore has ended the response by then is a known difference
    if (isMemory) return;
    const at = request.steps.findIndex((step) => step.do === 'end');
    if (at === -1) return;
    const late = random.pick([
      [{ do: 'write', args: ['late'] }],
      [{ do: 'end', args: ['again'] }, { do: 'write', args: ['late'] }],
      [{ do: 'write', args: ['late'] }, { do: 'end', args: [] }],
      [{ do: 'end', args: [{ $: 'function' }] }],
      [drawStep('set', random), { do: 'end', args: [] }],
    ]);
    request.steps.splice(at + 1, 0, ...late);
    scenario.store.answer = random.pick(['immediate', 'late', 'sync']);
  },

  replaced: ({ random, scenario, fragile }) => {
    const { chance, pick } = random;
    const request = ofVisitor(random, scenario);
    // a session that is there has its own `save` and `reload` with the original, and the prototype's here
    const names = Object.keys(patches).filter((name) =>
      !(fragile && name.startsWith('Cookie.prototype')) && !/^Session\.prototype\.(save|reload)$/.test(name));
    const steps = [pick([
      { do: 'patch', name: pick(names) },
      { do: 'patch', name: pick(names) },
      { do: 'spyStore', methods: pick([['get'], ['set'], ['touch'], ['destroy'], ['get', 'set', 'touch', 'destroy']]), slow: chance(0.2) },
      { do: 'otherStore', how: pick(['proxy', 'heir', 'recording', 'memory']) },
      { do: 'replaceMethod', on: 'session', name: pick(['save', 'reload', 'touch', 'resetMaxAge', 'destroy', 'regenerate']) },
      { do: 'replaceMethod', on: 'cookie', name: pick(['serialize', 'toJSON']) },
      { do: 'replaceAttribute', name: pick(['path', 'domain', 'maxAge', 'expires', 'secure', 'httpOnly', 'data', 'data']), how: pick(['getter', 'accessor']), value: null },
      { do: 'wrapCookie', how: pick(['proxy', 'heir', 'spread', 'clone']) },
    ])];
    if (steps[0].do === 'replaceAttribute') steps[0].value = pick(ATTRIBUTES[steps[0].name]);
    if (chance(0.6)) steps.push(...drawAfterWrap(random, scenario, fragile));
    if (chance(0.3)) request.steps.unshift(...steps);
    else insert(random, request, steps);
  },

  'wrapped store': ({ random, scenario, isMemory }) => {
    if (isMemory) scenario.store = { kind: 'wrapped', how: random.pick(['proxy', 'heir', 'recording']) };
  },

  'parsed URL': ({ random, scenario, request }) => {
    const { chance, pick } = random;
    const isHttp = scenario.server.kind === 'http';
    if (chance(0.6)) request.target = pick(isHttp ? [...ODD_TARGETS, ...ODDER_TARGETS] : ODD_TARGETS);
    request.steps.unshift({ do: 'parsed' });
    if (chance(0.3)) insert(random, request, [{ do: 'parsed' }]);
  },
};

/** What a program stores for two visitors. */
const ALIKE = { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/', prefs: { list: [0] } }, count: 1 };

/** A cookie option and values that it may have for one request and not for the next. */
const TENANT_OPTIONS = [
  ['domain', 'a.example', 'b.example', 'c.example', ''],
  ['domain', 'a.example', 'b.example', 'c.example'],
  ['maxAge', 60_000, 120_000, 1000, null],
  ['path', '/', '/app', '/other'],
  ['secure', true, false, 'auto'],
  ['sameSite', 'strict', 'lax', 'auto', false],
  ['httpOnly', true, false],
  ['priority', 'low', 'high'],
];

const ODD_IDS = [
  'another-id', 'another-id', 'ünï-cöde', '', '__proto__', 'constructor', 'a b;c', '\ud800', 42, 0, null, true,
  { $: 'undefined' }, ['a'], { id: 1 }, { $: 'string', text: 'boxed' }, { $: 'date', in: 0 },
];

const FORM_NAMES = ['save', 'save', 'reload', 'reload', 'touch', 'id', 'req', 'cookie', 'destroy', 'regenerate', 'resetMaxAge', 'toJSON', 'count', 'cart'];
const FORM_VALUES = ['1', '', 'on', 'text', 0, 1, null, true, false, ['a', 'b'], { a: '1' }, { maxAge: 5000 }, { $: 'undefined' }];

/** What programs that do not wait for an answer do in one go. A star means the session that was there first. */
const UNWAITED = [
  ['regenerate', 'set*'],
  ['regenerate', 'set*', 'set*'],
  ['regenerate', 'set*', 'putBack'],
  ['regenerate', 'putBack', 'set'],
  ['regenerate', 'turn', 'set*'],
  ['regenerate', 'turn', 'putBack', 'set'],
  ['regenerate', 'turn', 'turn', 'set', 'save*'],
  ['regenerate', 'save*'],
  ['regenerate', 'regenerate'],
  ['set', 'regenerate', 'set*', 'save*'],
  ['destroy', 'set*'],
  ['destroy', 'set*', 'putBack'],
  ['destroy', 'putBack'],
  ['destroy', 'putBack', 'set'],
  ['destroy', 'turn', 'putBack', 'set'],
  ['destroy', 'set*', 'save*'],
  ['destroy', 'save*', 'putBack'],
  ['save', 'destroy', 'putBack', 'set'],
  ['save', 'set'],
  ['set', 'save', 'turn', 'set'],
  ['reload', 'set*'],
  ['reload', 'set', 'turn', 'set'],
  ['reload', 'turn', 'putBack', 'set'],
  ['reload', 'regenerate', 'set*'],
  ['unset', 'putBack', 'set'],
  ['unset', 'save*'],
];

function drawUnwaited(name, random) {
  const isHeld = name.endsWith('*');
  const step = drawStep(isHeld ? name.slice(0, -1) : name, random);
  if (isHeld || name === 'putBack' || ['regenerate', 'destroy'].includes(name)) step.held = true;
  if (['regenerate', 'destroy', 'save', 'reload'].includes(step.do)) step.waited = false;
  // who does not care for the answer
  if (step.do === 'destroy' && random.chance(0.4)) step.callback = false;
  return step;
}

/** Values that replaced attributes of a cookie have. */
const ATTRIBUTES = {
  path: ['/replaced', '/app', null],
  domain: ['replaced.example', null],
  maxAge: [5000, null],
  expires: [{ $: 'date', in: 90_000 }, null],
  secure: [true, false],
  data: [{ path: '/data' }, {}],
  httpOnly: [false, true],
};

const ODD_TARGETS = [
  '/', '/?', '/?a=/b', '/page#hash', '/a?b?c', '/%', '/%zz', '/a;b=c', '/|', '/{a}', '/^`', '/<b>', '/app?x=y#z', '/\'', '/"',
  '/\u00e4', '/\u00a0x', '/x\\y', '/a//b', '/..', '/./a', '/+', '/?#',
];
const ODDER_TARGETS = [
  '*', '//', '//x/y', '///', '/#', '//user@host/x', 'http://localhost/app?x#y', 'HTTP://LOCALHOST/Up', 'http://user:pass@localhost/x',
  'http://localhost?x', 'http://localhost', 'https://localhost:8080/x', 'http://x:y/', 'ws://localhost/x', 'http://[::1]/x', 'http://local_host/x',
];

function drawWrap({ weighted, pick }) {
  const how = weighted([
    [12, 'proxy'], [3, 'heir'], [2, 'subclass'], [2, 'inheritor'], [3, 'descriptors'], [2, 'names'],
  ]);
  if (how === 'proxy') return { do: 'wrap', how, traps: pick(TRAPS) };
  if (how === 'heir') return { do: 'wrap', how, own: pick([{}, {}, { user: 'heir' }]) };
  return { do: 'wrap', how };
}

/** What is done with a session that has something around it. */
const AFTER_WRAP = [
  [6, ['identity']],
  [5, ['read']],
  [6, ['set']],
  [6, ['increase']],
  [4, ['save']],
  [3, ['set', 'save']],
  [2, ['save', 'set']],
  [3, ['reload']],
  [3, ['reload', 'set']],
  [2, ['save', 'reload', 'identity']],
  [3, ['regenerate']],
  [3, ['regenerate', 'set']],
  [3, ['destroy']],
  [2, ['touch']],
  [1, ['resetMaxAge']],
  [2, ['inspect']],
  [2, ['cookieAge']],
  [2, ['cookieField']],
  [1, ['newCookie']],
  [2, ['delete']],
  [2, ['same']],
  [2, ['nested']],
  [1, ['readOnly']],
  [1, ['define']],
  [1, ['unset']],
  [1, ['advance']],
];

function drawAfterWrap(random, scenario, fragile) {
  const names = random.weighted(AFTER_WRAP);
  return areFit(names, scenario, fragile) ? names.map((name) => drawStep(name, random)) : [];
}

/** Some steps make another thing than a difference: a program that ends, a callback that is never called. */
function areFit(names, { store }, fragile) {
  if (fragile && names.includes('regenerate')) return false;
  return !(store.reading === 'no cookie' && names.includes('reload'));
}

/** Puts steps into a handler at a random place, mostly before the response is written. */
function insert({ chance, int }, request, steps) {
  const end = request.steps.findIndex((step) => ENDING.includes(step.do));
  const last = end === -1 || chance(0.05) ? request.steps.length : end;
  request.steps.splice(int(0, last), 0, ...steps);
}

/** Any request, or one of somebody who was there before. */
function ofVisitor({ chance, pick }, { requests }) {
  if (chance(0.4)) return pick(requests);
  for (const request of requests.slice(1)) request.cookie = 'last';
  return pick(requests.slice(1));
}

function arriveWith(request, action) {
  (request.arrival ||= []).push(action);
}

/** What a request may do while another one holds a session of the MemoryStore: nothing that destroys one. */
const HARMLESS = [[], ['read'], ['increase'], ['set'], ['set', 'save'], ['touch'], ['peek'], ['same'], ['cookieAge'], ['reload'], ['remember'], ['adopt', 'set'], ['identity']];
const ANYTHING = [...HARMLESS, ['regenerate'], ['regenerate', 'set'], ['destroy'], ['unset'], ['set', 'regenerate', 'remember'], ['reload', 'set', 'save']];

/** Another request, from its arrival to its end, in the middle of a handler. */
function addMeanwhile(random, scenario, request, arrival) {
  const { chance, pick, weighted } = random;
  const isMemory = scenario.store.kind !== 'custom';
  const names = pick(isMemory ? HARMLESS : ANYTHING);
  const steps = areFit(names, scenario, isFragile(scenario.options))
    ? names.map((name) => (name === 'adopt' ? { do: name, at: 0 } : drawStep(name, random)))
    : [];
  const inner = {
    before: [],
    method: pick(['GET', 'GET', 'POST']),
    target: request.detached ? '/' : request.target,
    cookie: weighted([[5, 'last'], [4, 'none'], [1, 'first'], [1, 'unknown sid']]),
    cookieParser: null,
    headers: chance(0.3) ? [['X-Forwarded-Proto', pick(['https', 'http'])]] : [],
    preset: scenario.options.secret ? {} : { secret: scenario.requestSecret },
    arrival,
    detached: false,
    inspect: false,
    steps: [...steps, ...drawEnding(random, scenario, false)],
  };
  const step = { do: 'meanwhile', request: inner };
  if (chance(0.5)) request.steps.unshift(step);
  else insert(random, request, [step]);
}

module.exports = { addHabits, HABITS: HABITS.map(([, name]) => name) };
