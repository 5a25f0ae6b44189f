'use strict';

// In test:long: BOUNDARY_HUGE=1

/**
 * The largest and the deepest there is, each in a process of its own. BOUNDARY_HUGE=1
 * takes strings as long as the engine makes them instead of 100 MB, which takes minutes
 * and 4 GB of memory.
 */

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { constants } = require('node:buffer');
const { isOurs } = require('../subject');

const file = path.join(__dirname, '../../session/native/load');
const isHuge = process.env.BOUNDARY_HUGE === '1';
const LENGTH = isHuge ? constants.MAX_STRING_LENGTH : 100e6;

const opening = `
  const native = require(process.argv[1]);
  const length = Number(process.argv[2]);
  const session = require(process.argv[1] + '/../../..');
  const store = native.createStore(NaN, NaN);
  const keys = native.prepareKeys([Buffer.from('secret')]);
  const seen = {};
  /** What a call gives: of a string its length. */
  const tell = (name, call) => {
    try {
      const answer = call();
      seen[name] = typeof answer === 'string' ? answer.length : answer;
    } catch (error) {
      seen[name] = error instanceof Error ? error.message : 'no Error';
    }
  };
`;

function run(code, ...args) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', `${opening}${code};console.log(JSON.stringify(seen))`, file, ...args.map(String)], { encoding: 'utf8' });
  assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
  assert.doesNotMatch(stderr, /panicked at/);
  return JSON.parse(stdout);
}

test('strings of 100 MB, or as long as there are, are answered or refused', { skip: !isOurs }, () => {
  const seen = run(`
    const long = 'a'.repeat(length);
    tell('read', () => native.unsignCookie('sid=' + long.slice(4), 'sid', keys));
    tell('signed', () => native.sign(long, keys));
    native.storeSetRaw(store, 'a', long, NaN, NaN);
    tell('peeked', () => native.storePeek(store, 'a'));
    native.storeSet(store, long, '{}', NaN, NaN);
    tell('peeked by it', () => native.storePeek(store, long));
  `, LENGTH);
  const signed = LENGTH + 44;
  assert.deepEqual(seen, {
    read: 1, signed: signed > constants.MAX_STRING_LENGTH ? 'a string would be too long' : signed, peeked: LENGTH, 'peeked by it': 2,
  });
});

test('a text whose bytes are more than a string may have units is handed back', { skip: !isOurs || (!isHuge && 'BOUNDARY_HUGE=1 runs it') }, () => {
  const seen = run(`
    const long = '\\u20ac'.repeat(length);
    native.storeSetRaw(store, 'a', long, NaN, NaN);
    tell('isSame', () => native.storePeek(store, 'a') === long);
  `, 180e6);
  assert.deepEqual(seen, { isSame: true });
});

test('100,000 keys, and 100,000 levels, go through a store or are an Error', { skip: !isOurs }, () => {
  const seen = run(`
    const memory = new session.MemoryStore();
    const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
    const many = { cookie };
    for (let n = 0; n < 1e5; n++) many['key ' + n] = n;
    memory.set('many', many, () => {});
    tell('many', () => memory.sessions.many === JSON.stringify(many));
    const levels = '['.repeat(1e5) + ']'.repeat(1e5);
    const deep = '{"cookie":' + JSON.stringify(cookie) + ',"deep":' + levels + '}';
    native.storeSet(store, 'deep', deep, NaN, NaN);
    tell('deep', () => native.storeGet(store, 'deep', 0, true) === deep);
    native.storeSet(store, 'cookie', '{"cookie":' + levels + '}', NaN, NaN);
    tell('cookie', () => native.storePeek(store, 'cookie').length);
    tell('set', () => memory.set('deep', { cookie, deep: JSON.parse(levels) }, () => {}));
  `);
  // How deep JSON.stringify goes is Node.js's: from 25 on it is not bounded by the stack.
  const { set, ...others } = seen;
  assert.deepEqual(others, { many: true, deep: true, cookie: 200011 });
  assert.ok(set === undefined || set === 'Maximum call stack size exceeded', set);
});

test('a thread of little stack, nearly used up, has an answer or an Error', { skip: !isOurs }, () => {
  const seen = run(`
    const { Worker } = require('node:worker_threads');
    seen.threads = 0;
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const native = require(workerData);
      const store = native.createStore(NaN, NaN);
      const keys = native.prepareKeys([Buffer.from('secret')]);
      const enter = native.createSessionReader('sid', keys, store, new Uint8Array(native.DETAILS_BYTES));
      let calls = 0;
      let left;
      const dive = (call) => {
        try { dive(call); } catch (error) { left = 3000; }
        // The deepest frames, until there is room again.
        if (left-- <= 0) return;
        try { call(); calls++; } catch (own) { if (!(own instanceof Error)) throw own; }
      };
      const long = 'a=1; '.repeat(1000);
      for (const call of [() => native.unsignCookie(long, 'sid', keys), () => native.signedCookieValue(long, keys), () => enter('sid=' + native.signedCookieValue('a', keys), 0), () => native.storeSet(store, 'a', '{"cookie":{}}', NaN, NaN), () => native.sign()]) dive(call);
      parentPort.postMessage(calls > 0);
    \`;
    const worker = new Worker(code, { eval: true, workerData: process.argv[1], resourceLimits: { stackSizeMb: 1 } });
    worker.on('message', (isDone) => { if (!isDone) process.exit(3); });
    worker.on('error', (error) => { throw error; });
  `);
  assert.equal(seen.threads, 0);
});

test('threads ended in the middle of calls that throw end nothing else', { skip: !isOurs }, () => {
  const seen = run(`
    const { Worker } = require('node:worker_threads');
    seen.ended = 'later';
    const code = \`
      const { parentPort, workerData } = require('node:worker_threads');
      const native = require(workerData);
      const none = native.prepareKeys([]);
      parentPort.postMessage('busy');
      for (;;) {
        for (const call of [() => native.sign('a', none), () => native.unsignCookie(1), () => native.storeGet({}), () => native.prepareKeys([1])]) {
          try { call(); } catch {}
        }
      }
    \`;
    let left = 8;
    const next = () => {
      const worker = new Worker(code, { eval: true, workerData: process.argv[1] });
      worker.once('message', () => setTimeout(() => worker.terminate(), left));
      worker.once('exit', () => { if (--left > 0) next(); });
    };
    next();
    process.on('exit', () => { if (left > 0 || native.unsignCookie('a=1', 'a', keys) !== native.UNSIGNED_COOKIE) process.exitCode = 3; });
  `);
  assert.equal(seen.ended, 'later');
});

test('a list of secrets that changes while it is read is read as it is, or an Error', { skip: !isOurs }, () => {
  const seen = run(`
    const reading = (get) => {
      const list = [0, Buffer.from('secret'), Buffer.from('older')];
      Object.defineProperty(list, 0, { get: () => get(list) });
      return list;
    };
    tell('emptied', () => { native.prepareKeys(reading((list) => { list.length = 1; return Buffer.from('a'); })); });
    tell('grown', () => Boolean(native.prepareKeys(reading((list) => { list.push(Buffer.from('b')); return Buffer.from('a'); }))));
    tell('given away', () => {
      const bytes = new Uint8Array(64).fill(7);
      const later = reading(() => (structuredClone(bytes, { transfer: [bytes.buffer] }), Buffer.from('a')));
      later[1] = bytes;
      // Nothing is left of it: it is the empty secret.
      return native.unsign(native.sign('v', native.prepareKeys([Buffer.alloc(0)])), native.prepareKeys(later));
    });
    tell('shared', () => Boolean(native.prepareKeys([new Uint8Array(new SharedArrayBuffer(32))])));
    tell('thrown', () => native.prepareKeys(reading(() => { throw new Error('own'); })));
  `);
  const { emptied, ...rest } = seen;
  assert.equal(typeof emptied, 'string');
  assert.deepEqual(rest, { grown: true, 'given away': 1, shared: true, thrown: 'own' });
});
