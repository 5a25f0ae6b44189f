'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { child, files } = require('./app');

/** Runs a script on both packages and gives what they wrote, line by line. */
async function both(source, env) {
  const [theirs, ours] = await Promise.all([files.original, files.subject].map((file) => child(`'use strict';
const session = require(process.env.PACKAGE);
${source}`, { file, env })));
  for (const run of [theirs, ours]) assert.equal(run.status, 0, run.stderr);
  return { theirs: lines(theirs.stderr), ours: lines(ours.stderr), ourText: ours.stderr };
}

/** Without the time at the head of each line. */
const lines = (text) => text.split('\n').filter(Boolean).map((line) => line.replace(/^\w{3}, .*? GMT /, ''));

/** Without the place that depd adds: the packages have their lines elsewhere. */
const words = (list) => list.map((line) => line.replace(/ at \S+$/, ''));

const quiet = '{ secret: \'a\', resave: false, saveUninitialized: false }';

const calls = {
  'no options': ['session();', ['undefined resave option; provide resave option', 'undefined saveUninitialized option; provide saveUninitialized option', 'req.secret; provide secret option']],
  'no resave': ['session({ secret: \'a\', saveUninitialized: true });', ['undefined resave option; provide resave option']],
  'no saveUninitialized': ['session({ secret: \'a\', resave: true });', ['undefined saveUninitialized option; provide saveUninitialized option']],
  'no secret': ['session({ resave: true, saveUninitialized: true });', ['req.secret; provide secret option']],
  'an empty secret': ['session({ resave: true, saveUninitialized: true, secret: \'\' });', ['req.secret; provide secret option']],
  'nothing missing': [`session(${quiet});`, []],
  'maxAge as a Date': ['new session.Cookie({ maxAge: new Date() });', ['maxAge as Date; pass number of milliseconds instead']],
  'maxAge set to a Date': ['const cookie = new session.Cookie();\ncookie.maxAge = new Date();', ['maxAge as Date; pass number of milliseconds instead']],
  'a session id from signedCookies': [`session(${quiet})({ headers: {}, url: '/', signedCookies: { 'connect.sid': 'sid' } }, {}, () => {});`, ['cookie should be available in req.headers.cookie']],
  'a session id from cookies': [`session(${quiet})({ headers: {}, url: '/', cookies: { 'connect.sid': 's:' + require(${JSON.stringify(require.resolve('cookie-signature'))}).sign('sid', 'a') } }, {}, () => {});`, ['cookie should be available in req.headers.cookie']],
  'a bad session id from cookies': [`session(${quiet})({ headers: {}, url: '/', cookies: { 'connect.sid': 's:sid.bad' } }, {}, () => {});`, []],
};

for (const [name, [source, messages]] of Object.entries(calls)) {
  test(`deprecated, as in the original: ${name}`, async () => {
    const { theirs, ours } = await both(source);
    assert.deepEqual(words(theirs), messages.map((message) => `express-session deprecated ${message}`));
    assert.deepEqual(words(ours), words(theirs));
  });
}

test('a deprecation names the place in the program, not one of ours', async () => {
  const { theirs, ours } = await both('session();');
  assert.equal(ours.length, 3);
  assert.deepEqual(ours, theirs);
});

test('a deprecation is told once for each place, or to a listener', async () => {
  const { theirs, ours } = await both('for (let i = 0; i < 3; i++) session({ secret: \'a\', resave: false });');
  assert.equal(ours.length, 1);
  assert.deepEqual(words(ours), words(theirs));

  const heard = await both(`
process.on('deprecation', (err) => console.error([err.name, err.namespace, err.message].join('|')));
session({ secret: 'a', resave: false });`);
  assert.deepEqual(heard.ours, ['DeprecationError|express-session|undefined saveUninitialized option; provide saveUninitialized option']);
  assert.deepEqual(heard.ours, heard.theirs);
});

test('NO_DEPRECATION silences them', async () => {
  const source = 'session();\nnew session.Cookie({ maxAge: new Date() });';
  for (const value of ['express-session', '*', 'other,express-session']) {
    assert.deepEqual((await both(source, { NO_DEPRECATION: value })).ours, []);
  }
  assert.equal((await both(source, { NO_DEPRECATION: 'other' })).ours.length, 4);
});

test('NODE_ENV=production warns of the MemoryStore, and of nothing else', async () => {
  const { theirs, ourText } = await both(`session(${quiet});`, { NODE_ENV: 'production' });
  assert.match(theirs.join('\n'), /MemoryStore/);
  assert.match(ourText, /MemoryStore/);
  for (const [source, env] of [
    [`session(${quiet});`, { NODE_ENV: 'development' }],
    [`session(${quiet});`, {}],
    [`session({ ...${quiet}, store: new session.Store() });`, { NODE_ENV: 'production' }],
    ['new session.MemoryStore();', { NODE_ENV: 'production' }],
  ]) {
    const quietly = await both(source, env);
    assert.deepEqual(quietly.ours, []);
    assert.deepEqual(quietly.theirs, []);
  }
});

test('the warning goes through console.warn, also for a store derived from MemoryStore', async () => {
  const { theirs, ours } = await both(`
let warned = 0;
console.warn = () => warned++;
session({ ...${quiet}, store: new (class extends session.MemoryStore {})() });
console.error(String(warned));`, { NODE_ENV: 'production' });
  assert.deepEqual(ours, ['1']);
  assert.deepEqual(theirs, ['1']);
});

test('DEBUG=express-session tells what happens, in that namespace', async () => {
  const source = `
const middleware = session(${quiet});
middleware({ headers: {}, url: '/' }, {}, () => {});
middleware({ headers: { cookie: 'connect.sid=s%3Abad.signature' }, url: '/' }, {}, () => {});`;
  const { theirs, ours } = await both(source, { DEBUG: 'express-session' });
  for (const told of [theirs, ours]) {
    assert.ok(told.length >= 2, told.join('\n'));
    for (const line of told) assert.match(line, /\bexpress-session /);
  }
  assert.deepEqual((await both(source, { DEBUG: 'express' })).ours, []);
  assert.deepEqual((await both(source, {})).ours, []);
});
