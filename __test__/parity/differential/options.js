'use strict';

/** Draws what goes into `session(options)`, mostly right, sometimes wrong. */
function drawOptions(random, server) {
  const { chance, pick, weighted } = random;
  const options = {};

  set(options, 'resave', weighted([[12, false], [4, true], [2, undefined], [1, null]]));
  set(options, 'saveUninitialized', weighted([[12, false], [6, true], [2, undefined], [1, 0]]));
  if (chance(0.25)) options.rolling = weighted([[5, true], [1, false], [1, 'yes']]);
  if (chance(0.4)) options.unset = weighted([[3, 'destroy'], [1, 'keep']]);
  if (chance(0.3)) options.proxy = chance(0.7);
  if (chance(0.2)) options.name = pick(['sid', 'app.session', '__Host-id', 'q', '!#$&*~']);
  else if (chance(0.1)) options.key = pick(['sid', 'old.name']);
  const secret = drawSecret(random);
  if (secret) options.secret = secret;
  const cookie = drawCookie(random, server);
  if (cookie !== undefined) options.cookie = cookie;
  options.genid = drawGenid(random);

  // the arguments that session() refuses; no name that only serialising refuses, as this
  // package refuses it at once
  if (chance(0.01)) options.unset = 'erase';
  if (chance(0.01)) options.genid = { kind: 'no function' };
  if (chance(0.01)) options.secret = { kind: 'array', values: [] };
  if (chance(0.015)) options.name = pick(['good-name', 'good~name', 'good|name']);
  return options;
}

function set(options, name, value) {
  if (value !== undefined) options[name] = value;
}

function drawSecret({ chance, pick, weighted }) {
  const kind = weighted([[10, 'text'], [2, 'binary'], [7, 'array'], [2, 'none']]);
  if (kind === 'none') return null;
  const binary = () => ({ $: pick(['buffer', 'bytes', 'key']), text: 'binary secret' });
  if (kind === 'text') return { kind: 'one', values: [pick(['keyboard cat', 'ключ', 'x', 'a'.repeat(100)])] };
  if (kind === 'binary') return { kind: 'one', values: [binary()] };
  const values = ['newest', 'older', chance(0.2) ? binary() : 'oldest'];
  return { kind: 'array', values: values.slice(0, pick([1, 2, 2, 3])) };
}

function drawGenid({ pick, weighted }) {
  return weighted([
    [100, { kind: 'own' }],
    [40, { kind: 'counter' }],
    [3, { kind: 'fromRequest' }],
    [2, { kind: 'constant' }],
    [3, { kind: 'digits' }],
    [8, { kind: 'odd', text: pick(['a.b.', 'ü-ÿ ', 'with space ', 'semi;colon,', '%41%', 's:', '日本語', '"quoted"', '\ud83d\ude00', '=', '-']) }],
    [2, { kind: 'value', value: pick([42, null, true, { $: 'undefined' }, { id: 1 }]) }],
    [1, { kind: 'value', value: '' }],
    [1, { kind: 'throws' }],
  ]);
}

/** Whether making a session may throw, which inside a store's callback ends a program. */
function isFragile({ genid, cookie }) {
  return (genid && genid.kind === 'throws') || Boolean(cookie && cookie.fragile);
}

const AGES = [1000, 60_000, 60_000, 3_600_000, 86_400_000, 1, 1500.7, 0, -5000, null];

/**
 * Cookie options as an object, or as a function of the request. What no cookie can have comes
 * from a function, as this package refuses such an object at once.
 */
function drawCookie(random, server) {
  const { chance } = random;
  if (chance(0.15)) return undefined;
  if (chance(0.01)) return { perRequest: true, value: 'not an object', alt: 'not an object', fragile: true };
  const fields = drawFields(random, server);
  if (!chance(0.15)) return fields.isWrong ? { ...fields, perRequest: true, alt: fields.value } : fields;
  const alt = drawFields(random, server);
  return { perRequest: true, value: fields.value, alt: alt.value, fragile: fields.fragile || alt.fragile };
}

function drawFields({ chance, pick, weighted }) {
  const value = {};
  let fragile = false;
  let isWrong = false;
  const add = (name, probability, draw) => {
    if (chance(probability)) value[name] = draw();
  };
  // attributes have an order of their own, whatever order they are given in
  const draws = [
    () => add('maxAge', 0.6, () => weighted([[20, pick(AGES)], [1, { $: 'undefined' }], [1, { $: 'date', in: 60_000 }]])),
    () => add('path', 0.25, () => pick(['/', '/', '/app', '/app', '/app/', '/a;b', ''])),
    () => add('domain', 0.1, () => pick(['example.com', '.example.com', 'localhost', ''])),
    () => add('httpOnly', 0.25, () => pick([true, false, 1, null])),
    () => add('secure', 0.35, () => weighted([[3, false], [4, true], [5, 'auto'], [1, 1]])),
    () => add('sameSite', 0.4, () => pick([true, false, 'lax', 'strict', 'none', 'Lax', 'STRICT', 'auto', 'auto'])),
    () => add('priority', 0.15, () => pick(['low', 'medium', 'high', 'High', 'LOW'])),
    () => add('partitioned', 0.15, () => pick([true, true, false])),
    () => add('expires', 0.06, () => pick([{ $: 'date', in: 60_000 }, { $: 'date', in: -60_000 }, null])),
    () => add('originalMaxAge', 0.02, () => pick([5000, 120_000])),
    () => add('custom', 0.02, () => 'field'),
  ];
  if (chance(0.5)) draws.reverse();
  for (const draw of draws) draw();

  if (chance(0.04)) {
    const [name, wrong] = pick([
      ['domain', 'not a domain!'], ['priority', 'urgent'], ['sameSite', 'sometimes'], ['sameSite', 7],
      ['expires', 'tomorrow'], ['expires', { $: 'invalid date' }], ['priority', 5], ['maxAge', { $: 'infinity' }],
    ]);
    value[name] = wrong;
    isWrong = true;
  } else if (chance(0.015)) {
    const [name, wrong] = pick([['maxAge', 'an hour'], ['maxAge', {}], ['maxAge', true]]);
    value[name] = wrong;
    fragile = true;
    isWrong = true;
  }
  return { value, fragile, isWrong: isWrong || value.path === '/a;b' };
}

module.exports = { drawOptions, isFragile, AGES };
