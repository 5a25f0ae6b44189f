'use strict';

/** Draws what the handler of one request does, and how its response ends. */
const { AGES } = require('./options');
const { drawData } = require('./seeds');

const KEYS = ['count', 'user', 'cart', 'views', 'ünïcode', '10', '2', '4294967295', '007', 'a b', '', 'cookie2', 'constructor', 'toString', '__proto__', 'touch'];
const PLAIN_KEYS = KEYS.slice(0, 4);

const VALUES = [
  1, 'text', true, null, '', 0, [1, 2, 3], { a: { b: 1 } }, { cookie: 'nested' }, 'ключ \u2028 \ud83d\ude00', '\ud800 alone',
  { $: 'undefined' }, { $: 'function' }, { $: 'date', in: 0 }, { $: 'nan' }, { $: 'json', value: 'as json' }, { $: 'map' },
  { $: 'buffer', text: 'bytes' }, { $: 'symbol' }, 1e21, -0.5,
];
// these cannot be saved: JSON.stringify throws
const UNSAVABLE = [{ $: 'bigint' }, { $: 'circular' }];

// What handlers do in one go. Everything that can interfere with itself
// (save after reload, save after regenerate, …) is here as a whole.
const ROUTINES = [
  [14, ['read']],
  [14, ['increase']],
  [8, ['set']],
  [4, []],
  [3, ['peek']],
  [3, ['nested']],
  [3, ['delete']],
  [3, ['same']],
  [2, ['rewrite']],
  [3, ['inspect']],
  [3, ['cookieAge']],
  [3, ['cookieField']],
  [1, ['newCookie']],
  [1, ['serializeCookie']],
  [3, ['touch']],
  [2, ['resetMaxAge']],
  [2, ['advance']],
  [1, ['advance', 'touch']],
  [4, ['save']],
  [4, ['set', 'save']],
  [3, ['set', 'save', 'read']],
  [2, ['set', 'save', 'advance']],
  [3, ['save', 'set']],
  [2, ['set', 'saveSoon']],
  [2, ['set', 'save', 'set', 'save']],
  [2, ['reload']],
  [2, ['set', 'reload']],
  [3, ['reload', 'set', 'save']],
  [2, ['reload', 'save']],
  [1, ['set', 'save', 'reload', 'set']],
  [1, ['reload', 'reload', 'set', 'save']],
  [3, ['regenerate']],
  [3, ['regenerate', 'set']],
  [2, ['regenerate', 'set', 'save']],
  [1, ['regenerate', 'save', 'reload']],
  [1, ['set', 'regenerate', 'read']],
  [1, ['regenerate', 'regenerate']],
  [3, ['destroy']],
  [1, ['destroy', 'read']],
  [1, ['set', 'save', 'destroy']],
  [1, ['destroySoon']],
  [1, ['regenerateSoon', 'increase']],
  [0.5, ['regenerateSoon', 'set', 'save', 'increase']],
  [1, ['destroySoon', 'putBack', 'increase']],
  [0.5, ['regenerate', 'set', 'putBack', 'increase']],
  [0.5, ['indexed', 'increase']],
  [4, ['unset']],
  [1, ['set', 'unset']],
  [0.7, ['sessionID']],
  [1, ['readID']],
  [1, ['createSession']],
  [0.7, ['createSession', 'set', 'save']],
  [1, ['load']],
  [1, ['storeGet']],
  [0.7, ['storeSet']],
  [1.5, ['storeEdit']],
  [1.5, ['nestedCookie']],
  [1.5, ['nestedCookie', 'save', 'nestedCookie']],
  [1, ['inherited', 'save']],
  [0.7, ['storeDestroy']],
  [1, ['replaceSave']],
  [0.7, ['replaceSave', 'save']],
  [0.7, ['define']],
  [0.5, ['readOnly']],
  [0.5, ['emit']],
  [0.4, ['unsavable']],
  [1, ['turn']],
  [0.7, ['heldSave']],
];

const CALM_ROUTINES = [
  [10, ['read']],
  [8, []],
  [4, ['peek']],
  [8, ['increase']],
  [2, ['same']],
  [2, ['touch']],
  [2, ['save']],
  [2, ['set', 'save']],
  [2, ['reload']],
  [2, ['reload', 'set', 'save']],
  [1, ['regenerate', 'set']],
  [1, ['inherited']],
  [1, ['storeEdit']],
  [2, ['nestedCookie']],
  [2, ['nestedCookie', 'save', 'nestedCookie']],
  [1, ['regenerateSoon', 'increase']],
  [1, ['destroySoon', 'putBack', 'increase']],
  [2, ['indexed']],
];

const SHY_ROUTINES = [
  [10, []],
  [3, ['advance']],
  [2, ['advance', 'read']],
  [2, ['storeEdit']],
  [2, ['storeEdit', 'read']],
  [1, ['storeEdit', 'increase']],
  [1, ['unset']],
  [1, ['sessionID']],
];

function drawHandler(random, scenario, { fragile, detached, head }) {
  const { chance, int, weighted } = random;
  const steps = [];
  const routines = scenario.calm ? 1 : int(1, 3);
  for (let index = 0; index < routines; index++) steps.push(...drawRoutine(random, scenario, fragile));
  if (detached) return steps;

  const ending = drawEnding(random, scenario, head);
  for (const step of ending) {
    steps.push(step);
    // what comes after the headers shows when the cookie is settled
    if (step.do !== 'status' && chance(0.08)) steps.push(...drawRoutine(random, scenario, fragile, step.do === 'end'));
  }
  if (chance(0.15)) steps.unshift(...drawOwnHeaders(random));
  if (chance(0.06)) steps.push(weighted([[4, { do: 'end', args: [] }], [1, { do: 'end', args: ['late'] }]]));
  return steps;
}

function drawRoutine(random, scenario, fragile, afterEnd = false) {
  const names = random.weighted(routinesOf(random, scenario));
  if (fragile && names.some((name) => name.startsWith('regenerate'))) return [];
  // to a MemoryStore of ours this is another request's doing, and what that destroys stays so
  if (scenario.store.kind !== 'custom' && names.includes('storeDestroy')) return [];
  // the callback of these would never be called
  if (scenario.store.reading === 'no cookie' && (names.includes('reload') || names.includes('load'))) return [];
  if (afterEnd && !names.every((name) => ['read', 'set', 'increase', 'cookieAge', 'touch', 'readID', 'save', 'advance'].includes(name))) return [];
  return names.map((name) => drawStep(name, random));
}

function routinesOf({ chance }, { shy, calm, requests }) {
  // the first request of a shy app mostly makes the session
  if (shy && chance(requests.length > 0 ? 0.85 : 0.3)) return SHY_ROUTINES;
  return calm || shy ? CALM_ROUTINES : ROUTINES;
}

function drawStep(name, random) {
  const { chance, pick, int } = random;
  const key = () => (chance(0.8) ? pick(PLAIN_KEYS) : pick(KEYS));
  switch (name) {
    // on a method it would add to the method's source text
    case 'increase': return { do: name, key: pick(PLAIN_KEYS) };
    case 'peek':
    case 'delete':
    case 'rewrite': return { do: name, key: key() };
    case 'nested': return { do: name, key: pick(PLAIN_KEYS), value: pick(VALUES) };
    // assigning to __proto__ takes the methods away, which is no session any more
    case 'set': return { do: name, key: key().replace('__proto__', '__proto'), value: chance(0.1) ? int(0, 9) : pick(VALUES) };
    case 'unsavable': return { do: 'set', key: 'count', value: pick(UNSAVABLE) };
    case 'inherited': return { do: 'set', key: pick(['constructor', 'toString', 'hasOwnProperty']), value: pick([1, 'text', { a: 1 }]) };
    case 'storeEdit': return { do: name, value: { ...drawData(random), edited: int(0, 9) } };
    case 'nestedCookie': return { do: 'nestedCookie', key: 'cart', value: int(0, 9) };
    case 'define': return { do: name, key: 'hidden', value: 1 };
    case 'readOnly': return { do: name, key: pick(['id', 'req']) };
    case 'cookieAge': return { do: 'cookie', field: 'maxAge', value: pick([...AGES, 120_000, 120_000, { $: 'date', in: 5000 }, 'an hour']) };
    case 'cookieField': {
      const [field, value] = pick([
        ['expires', { $: 'date', in: 90_000 }], ['expires', { $: 'date', in: -90_000 }], ['expires', null], ['expires', 'text'],
        ['secure', true], ['secure', false], ['secure', 'auto'], ['httpOnly', false], ['path', '/app'], ['path', '/other'],
        ['domain', 'example.org'], ['sameSite', 'strict'], ['sameSite', 'wrong'], ['priority', 'low'], ['partitioned', true],
        ['originalMaxAge', 7000], ['originalMaxAge', null], ['custom', 'x'],
      ]);
      return { do: 'cookie', field, value };
    }
    case 'newCookie': return { do: name, value: pick([{}, { maxAge: 5000 }, { maxAge: null, path: '/app' }, { secure: true, sameSite: 'none' }]) };
    case 'saveSoon': return { do: 'save', callback: false };
    case 'destroySoon': return { do: 'destroy', callback: false };
    case 'putBack': return { do: name, held: true };
    case 'indexed': return { do: 'set', key: pick(['0', '7', '10', '4294967294']), value: pick(VALUES) };
    case 'heldSave': return { do: 'save', held: true };
    case 'unset': return { do: name, how: pick(['null', 'null', 'undefined', 'delete']) };
    case 'sessionID': return { do: name, value: pick(['another-id', 'another-id', 42, null, { $: 'undefined' }]) };
    case 'createSession': return { do: name, value: { ...drawData(random), created: true } };
    case 'load': return { do: name, sid: pick([null, 'never-made']) };
    case 'storeSet': return { do: name, sid: 'by-hand', value: drawData(random) };
    case 'storeDestroy': return { do: name, sid: pick(['by-hand', 'never-made']) };
    case 'advance': return { do: name, ms: pick([1, 999, 5000, 61_000]) };
    case 'emit': return { do: name, event: pick(['disconnect', 'connect']) };
    default: return { do: name };
  }
}

function drawOwnHeaders({ chance, pick, weighted }) {
  const steps = [weighted([
    [3, { do: 'header', name: 'Set-Cookie', value: 'own=1; Path=/' }],
    [3, { do: 'header', name: 'set-cookie', value: ['own=1', 'other=2'] }],
    [1, { do: 'appendHeader', name: 'Set-Cookie', value: 'appended=1' }],
    [1, { do: 'header', name: 'Set-Cookie', value: [] }],
    [2, { do: 'header', name: 'X-Powered-By', value: 'tests' }],
    [1, { do: 'header', name: 'Set-Cookie', value: 'connect.sid=own' }],
  ])];
  if (chance(0.2)) steps.push({ do: 'readHeader', name: pick(['Set-Cookie', 'set-cookie']) });
  return steps;
}

const CHUNKS = ['x', 'hello', '', 'ünïcode \ud83d\ude00', '{"json":true}', { $: 'repeat', text: 'long ', times: 400 }];

function drawChunk({ chance, pick }) {
  const text = pick(CHUNKS);
  if (!chance(0.25) || typeof text !== 'string') return text;
  return { $: pick(['buffer', 'buffer', 'bytes']), text };
}

function byteLength(chunk) {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk);
  if (!chunk || chunk.text === undefined) return 0;
  return Buffer.byteLength(chunk.text) * (chunk.times || 1);
}

function drawEnding(random, scenario, head) {
  const { chance, pick, weighted } = random;
  const steps = [];
  const isExpress = scenario.server.kind !== 'http';
  if (isExpress && chance(0.4)) return drawExpressEnding(random);

  if (chance(0.15)) steps.push({ do: 'status', value: pick([201, 204, 304, 404, 500]) });
  const args = drawEndArguments(random);
  const writes = head ? [] : weighted([[7, []], [2, [drawChunk(random)]], [1, [drawChunk(random), drawChunk(random)]]]);

  if (chance(0.25)) {
    const total = [...writes, args[0]].reduce((sum, chunk) => sum + byteLength(chunk), 0);
    const value = weighted([[8, total], [2, String(total)], [1, total + 3], [1, 0], [1, 'many']]);
    steps.push({ do: 'header', name: 'Content-Length', value });
  }
  const heads = weighted([[12, 0], [8, 1], [0.4, 2]]);
  for (let index = 0; index < heads; index++) {
    const headArgs = drawHead(random);
    steps.push({ do: 'writeHead', args: headArgs });
    // a status that stays wrong makes the original throw outside of every caller
    if (headArgs === REFUSED_STATUS) steps.push({ do: 'status', value: 200 });
  }
  if (chance(0.08)) steps.push({ do: 'flushHeaders' });
  for (const chunk of writes) steps.push({ do: 'write', args: chance(0.1) ? [chunk, 'utf8'] : [chunk] });

  if (writes.length === 0 && !head && chance(0.05)) steps.push({ do: 'stream', chunks: pick([['a', 'b'], ['one chunk'], []]) });
  else steps.push({ do: 'end', args });
  if (chance(0.1)) steps.push({ do: 'end', args: chance(0.5) ? [] : ['again'] });
  return steps;
}

function drawEndArguments(random) {
  const { weighted } = random;
  return weighted([
    [5, []],
    [10, [drawChunk(random)]],
    [1, [null]],
    [1, [{ $: 'undefined' }]],
    [1, ['caf\u00e9', 'latin1']],
    [1, ['68656c6c6f', 'hex']],
    [1, ['aGVsbG8=', 'base64']],
    [1, ['hello', 'utf8']],
    [0.5, ['hello', { $: 'function' }]],
  ]);
}

const REFUSED_STATUS = [1000];

/**
 * `writeHead` in all the forms that it is called in. With undefined or null before its
 * headers the original loses them: `__test__/hardening/write-head.test.js`.
 */
function drawHead({ pick, weighted }) {
  const status = pick([200, 200, 201, 301, 404]);
  const headers = pick([
    { 'Content-Type': 'text/plain' },
    { 'Set-Cookie': 'own=1' },
    { 'set-cookie': ['own=1', 'two=2'], 'X-Number': 5 },
    {},
    { 'X-List': ['a', 'b'], 'x-list2': 'c' },
  ]);
  const pairs = Object.entries(headers);
  return weighted([
    [5, [status]],
    [2, [status, 'Fine']],
    [5, [status, headers]],
    [2, [status, 'Fine', headers]],
    [2, [status, { $: 'undefined' }]],
    [2, [status, pairs.flat()]],
    [1, [status, 'Fine', pairs.flat()]],
    [1, [status, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-One', '1']]],
    [2, [status, pairs]],
    [1, [status, null]],
    [1, [status, '']],
    [1, [String(status)]],
    [0.3, [status, ['odd']]],
    [0.3, [status, { 'bad name': 'x' }]],
    [0.5, REFUSED_STATUS],
  ]);
}

function drawExpressEnding({ chance, pick, weighted }) {
  const steps = [];
  if (chance(0.2)) steps.push({ do: 'setCookie', name: 'theme', value: 'dark' });
  steps.push(weighted([
    [5, { do: 'send', value: pick(['hello', '', '<p>ü</p>', { $: 'buffer', text: 'bytes' }]) }],
    [4, { do: 'json', value: pick([{ a: 1 }, [], 'text', null]) }],
    [3, { do: 'redirect', url: '/login' }],
    [2, { do: 'sendStatus', value: pick([200, 204, 304, 404]) }],
  ]));
  if (chance(0.1)) steps.push({ do: 'end', args: [] });
  return steps;
}

module.exports = { drawEnding, drawHandler, drawStep };
