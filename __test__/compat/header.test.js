'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const cookie = require('cookie');
const signature = require('cookie-signature');
const { each, pair, open, original } = require('./app');
const { session, isOurs } = require('../subject');

const good = `s%3A${encodeURIComponent(signature.sign('sid-1', 'keyboard'))}`;
const bad = `s%3A${encodeURIComponent(signature.sign('sid-1', 'wrong'))}`;
const plain = `s:${signature.sign('sid-1', 'keyboard')}`;

/** Cookie headers and whether the session is found by them. */
const grammar = [
  [`connect.sid=${good}`, true],
  [`connect.sid=${plain}`, true],
  [`a=1; connect.sid=${good}; b=2`, true],
  [`a=1;connect.sid=${good};b=2`, true],
  [` \tconnect.sid \t=\t ${good} \t;`, true],
  [`;;;connect.sid=${good};;;`, true],
  [`; ; connect.sid=${good}`, true],
  // The first of two names wins, if it is signed: see hardening/duplicates.test.js.
  [`connect.sid=${good}; connect.sid=${bad}`, true],
  [`connect.sid=${bad}; connect.sid=${bad}`, false],
  [`connect.sid=; connect.sid=${bad}`, false],
  [`connect.sid; connect.sid=${good}`, true],
  // A quoted value.
  [`connect.sid="${good}"`, true],
  [`connect.sid="${plain}"`, true],
  [`connect.sid="${good}`, false],
  [`connect.sid=${good}"`, false],
  [`connect.sid=" ${good}"`, false],
  [`connect.sid=""${good}""`, false],
  // What does not decode stays as it is.
  [`a=%; connect.sid=${good}`, true],
  [`connect.sid=${good}%`, false],
  [`connect.sid=${plain}%zz`, false],
  [`a=%ff%fe; connect.sid=${good}; b=%E0%A4%A`, true],
  // Encoded twice, or the name encoded.
  [`connect.sid=${encodeURIComponent(good)}`, false],
  [`connect%2Esid=${good}`, false],
  [`Connect.sid=${good}`, false],
  [`connect.sid2=${good}`, false],
  [`xconnect.sid=${good}`, false],
  // Without = there is no pair.
  ['connect.sid', false],
  [`connect.sid${good}`, false],
  [`junk junk; connect.sid=${good}`, true],
  [`=${good}`, false],
  [`=x; connect.sid=${good}`, true],
  [`==; connect.sid=${good}`, true],
  [`connect.sid==${good}`, false],
  // A comma is no separator.
  [`a=1, connect.sid=${good}`, false],
  [`connect.sid=${good}, a=1`, false],
  // Unsigned, or the mark of a signature missing.
  ['connect.sid=sid-1', false],
  [`connect.sid=${encodeURIComponent(plain.slice(2))}`, false],
  [`connect.sid=S%3A${good.slice(4)}`, false],
  ['connect.sid=s:', false],
  ['connect.sid=s%3A', false],
  ['connect.sid=s:.', false],
  // Names that every object has.
  [`__proto__=1; constructor=2; toString=3; connect.sid=${good}`, true],
  ['', false],
  ['=', false],
  [';', false],
  ['"', false],
];

each('a cookie header is read as npm cookie 0.7.2 reads it', (t, kind) => pair(async (module) => {
  const store = new module.MemoryStore();
  const app = await open(t, { kind, module, options: { store, genid: () => 'new' } });
  store.sessions['sid-1'] = '{"cookie":{}}';
  const told = [];
  for (const [header] of grammar) told.push([header, (await app.visit((req, res) => res.end(req.sessionID), { headers: { cookie: header }, cookie: false })).body]);
  return told;
}).then((told) => {
  for (const [i, [header, found]] of grammar.entries()) assert.equal(told[i][1], found ? 'sid-1' : 'new', header);
}));

each('names of every kind are found', async (t, kind) => {
  const names = ['sid', 'a', '__Host-sid', '__Secure-sid', "!#$%&'*+-.^_`|~", '0', '__proto__x', 'a.b.c'];
  // Every object has these. The original takes what it inherits for a cookie, and throws.
  const inherited = ['constructor', 'toString', 'hasOwnProperty'];
  for (const name of isOurs ? [...names, ...inherited] : names) {
    const app = await open(t, { kind, options: { name } });
    const first = await app.visit((req, res) => { req.session.n = 1; res.end(); });
    assert.ok(first.cookies[0].startsWith(`${name}=s%3A`));
    assert.equal((await app.visit((req, res) => res.end(String(req.session.n)))).body, '1', name);
    // Nothing under this name, but something under another.
    assert.equal((await app.visit((req, res) => res.end(String(req.session.n)), { cookie: 'other=1' })).body, 'undefined');
  }
});

test('two Cookie headers are one', async (t) => {
  for (const order of [['a=1', `connect.sid=${good}`], [`connect.sid=${good}`, 'a=1'], [`connect.sid=${good}`, `connect.sid=${bad}`]]) {
    const store = new session.MemoryStore();
    const app = await open(t, { options: { store, genid: () => 'new' }, handler: (req, res) => res.end(`<${req.sessionID}>`) });
    store.sessions['sid-1'] = '{"cookie":{}}';
    const answer = await app.raw(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${order.map((one) => `Cookie: ${one}\r\n`).join('')}\r\n`);
    assert.match(answer, /<sid-1>/);
  }
});

each('every byte that HTTP lets through, anywhere in the header', async (t, kind) => {
  for (const insecureHTTPParser of [false, true]) {
    const store = new session.MemoryStore();
    const app = await open(t, {
      kind, options: { store, genid: () => 'new' }, server: { insecureHTTPParser },
      handler: (req, res) => res.end(`<${req.sessionID} ${cookie.parse(req.headers.cookie)['connect.sid'] === plain}>`),
    });
    store.sessions['sid-1'] = '{"cookie":{}}';
    let served = 0;
    for (let code = 0; code < 256; code++) {
      const byte = String.fromCharCode(code);
      const answer = await app.raw(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ${byte}a${byte}=${byte}; connect.sid=${good}; ${byte}=${byte}${byte}\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 (200|400)/, `byte ${code}`);
      if (!answer.startsWith('HTTP/1.1 200')) continue;
      served++;
      // Found exactly when npm cookie finds it.
      assert.match(answer, /<(sid-1 true|new false)>/, `byte ${code}`);
    }
    assert.ok(served >= 220, String(served));
    assert.deepEqual(app.errors, []);
  }
});

/** A small generator with a seed, so that a failure can be had again. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** The session id that a middleware finds in a header, without a server. */
function finder(module) {
  const store = new module.Store();
  let found;
  store.get = (sid) => { found = sid; };
  const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store, genid: () => 'new' });
  return (header) => {
    found = undefined;
    const errors = [];
    middleware({ headers: { cookie: header }, url: '/' }, {}, (err) => { if (err) errors.push(err); });
    assert.deepEqual(errors, []);
    return found;
  };
}

test('headers of any characters never throw, and are read as by the original', () => {
  const [theirs, ours] = [finder(original), finder(session)];
  const alphabet = ['=', ';', '"', '%', ' ', '\t', ',', '\\', 'a', '3', 'A', 'f', '%C3%A9', '%ED%A0%80', '%F0%9F%98%80', '\0', '\n', '\r', '\x7f', '\x80', 'é', '\xff', '\u0100', '\ud800', '\udfff', '😀',
    'connect.sid', 'connect.sid=', `connect.sid=${good}`, good, bad, plain, 's:', 's%3A', '.', '+', '/', '__proto__='];
  const next = random(20300101);
  let found = 0;
  for (let i = 0; i < 4000; i++) {
    let header = '';
    const junk = () => {
      for (let n = next(8); n > 0; n--) header += alphabet[next(alphabet.length)];
    };
    junk();
    header += ['', ';', '; ', ' ;', ';\t'][next(5)];
    header += ['', `connect.sid=${[good, plain, bad, `"${good}"`][next(4)]}`][next(2)];
    header += ['', ';', '; ', ' '][next(4)];
    junk();
    // Of several session cookies the first counts that is signed, so each is read alone.
    const pairs = header.split(';').map((pair) => ` ${pair}`).filter((pair) => 'connect.sid' in cookie.parse(pair));
    const sid = isOurs && pairs.length > 1 ? pairs.slice(0, 16).map(theirs).find(Boolean) : theirs(header);
    if (sid) found++;
    assert.equal(ours(header), sid, JSON.stringify(header));
  }
  assert.ok(found > 100, String(found));
});

const LONG = 64 * 1024;

/** Shapes that trouble parsers which look back, look ahead or decode more than once. */
const shapes = {
  equals: '='.repeat(LONG),
  semicolons: ';'.repeat(LONG),
  'semicolons, then a pair': `${';'.repeat(LONG)}a=1`,
  spaces: `a${' '.repeat(LONG)}`,
  'spaces before a value': `connect.sid=${' '.repeat(LONG)}${good}`,
  'spaces after a value': `connect.sid=${good}${' '.repeat(LONG)}`,
  'spaces around nothing': `a=${' '.repeat(LONG)}; connect.sid=${good}`,
  tabs: '\t'.repeat(LONG),
  quotes: `connect.sid=${'"'.repeat(LONG)}`,
  percents: `connect.sid=${'%'.repeat(LONG)}`,
  'encoded percents': `connect.sid=${'%25'.repeat(LONG / 3)}`,
  'a bad end of an encoded value': `connect.sid=${'%41'.repeat(LONG / 3)}%`,
  'one name': 'a'.repeat(LONG),
  'one value': `connect.sid=${'a'.repeat(LONG)}`,
  'a long signed value': `connect.sid=s%3A${'a'.repeat(LONG)}`,
  'dots in a signed value': `connect.sid=s%3A${'.'.repeat(LONG)}`,
  'a long value with a signature': `connect.sid=s%3A${encodeURIComponent(signature.sign('a'.repeat(LONG), 'keyboard'))}`,
  'names without values': 'a;'.repeat(LONG / 2),
  'names without values, then a pair': `${'a;'.repeat(LONG / 2)}connect.sid=${good}`,
  'the name without a value': 'connect.sid;'.repeat(LONG / 12),
  'the same name again and again': `connect.sid=${good}; `.repeat(Math.floor(LONG / (good.length + 14))),
  'a wrong one again and again': `connect.sid=${bad}; `.repeat(Math.floor(LONG / (good.length + 14))),
  'short pairs': 'a=;'.repeat(LONG / 3),
  'different names': Array.from({ length: 5000 }, (_, i) => `n${i}=v${i}`).join('; '),
  'ten thousand pairs': Array.from({ length: 10000 }, (_, i) => `n${i}=${i}`).join('; '),
  'ten thousand pairs, the session last': `${Array.from({ length: 10000 }, (_, i) => `n${i}=${i}`).join('; ')}; connect.sid=${good}`,
  'ten thousand pairs, the session first': `connect.sid=${good}; ${Array.from({ length: 10000 }, (_, i) => `n${i}=${i}`).join('; ')}`,
  'ten thousand unsigned ones': Array.from({ length: 10000 }, (_, i) => `connect.sid${i}=s:${i}.x`).join('; '),
  'high bytes': '\xff'.repeat(LONG),
  'high bytes in pairs': '\xe9=\xe9;'.repeat(LONG / 4),
};

each('headers of 64 kB and of ten thousand pairs', (t, kind) => pair(async (module) => {
  const store = new module.MemoryStore();
  const app = await open(t, { kind, module, options: { store, genid: () => 'new' }, server: { maxHeaderSize: 1024 * 1024 } });
  store.sessions['sid-1'] = '{"cookie":{}}';
  const told = {};
  for (const [name, header] of Object.entries(shapes)) {
    assert.ok(header.length >= 50000, name);
    const { status, body } = await app.visit((req, res) => res.end(req.sessionID), { headers: { cookie: header }, cookie: false });
    told[name] = [status, body];
  }
  assert.deepEqual(app.errors, []);
  return told;
}).then((told) => {
  assert.deepEqual(told['ten thousand pairs, the session last'], [200, 'sid-1']);
  assert.deepEqual(told['ten thousand pairs, the session first'], [200, 'sid-1']);
  assert.deepEqual(told['names without values, then a pair'], [200, 'sid-1']);
  assert.deepEqual(told['ten thousand pairs'], [200, 'new']);
}));

// Sixteen times the length: work that grows with the square would be 256 times as much,
// hours where these take a moment. The runner's own limit is the only clock.
test('the same shapes at a megabyte, on the middleware itself', { timeout: 240000 }, () => {
  const find = finder(session);
  for (const [name, header] of Object.entries(shapes)) {
    const long = header.repeat(16);
    assert.doesNotThrow(() => find(long), name);
  }
  assert.equal(find(`${shapes['ten thousand pairs'].replaceAll('n', 'm')}; ${shapes['ten thousand pairs']}; connect.sid=${good}`), 'sid-1');
});

// With the package's own ids, so that a new session may sleep.
test('a signed empty id is no id, whatever the store has and wherever another stands', async (t) => {
  const empty = `connect.sid=s%3A${encodeURIComponent(signature.sign('', 'keyboard'))}`;
  await pair(async (module) => {
    const store = new module.MemoryStore();
    const parsed = { cookies: undefined, signedCookies: undefined };
    const use = [(req, res, next) => { Object.assign(req, parsed); next(); }];
    const app = await open(t, { module, use, options: { store, genid: undefined } });
    store.sessions[''] = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, name: 'nobody' });
    store.sessions['sid-1'] = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, name: 'ann' });
    const ask = async () => (await app.visit((req, res) => res.end(String(req.session.name)), { headers: { cookie: empty }, cookie: false })).body;
    const told = [await ask()];
    parsed.cookies = { 'connect.sid': `s:${signature.sign('sid-1', 'keyboard')}` };
    told.push(await ask());
    parsed.cookies = undefined;
    parsed.signedCookies = { 'connect.sid': 'sid-1' };
    told.push(await ask());
    assert.deepEqual(told, ['undefined', 'ann', 'ann']);
    return told;
  });
});
