'use strict';

/**
 * Writes to FILE as fast as it can, on the message `{ run: ms, perTurn, isControl }`, and answers how long its
 * writes and the turns of its event loop took. It never waits for anything but the store, so the
 * time from one turn to the next is all work. Other messages: `{ seed: n, expired }`, `prune`, `clear`.
 */
const session = require('../..');

const store = new session.DiskStore({ path: process.env.FILE, checkPeriod: false, ...JSON.parse(process.env.OPTIONS ?? '{}') });

/** How many sessions are written, in turn. */
const SESSIONS = 2000;

const sess = (n, expires = null) => ({ cookie: { originalMaxAge: 3_600_000, expires, httpOnly: true, path: '/' }, user: `user ${n}`, text: 'x'.repeat(200) });
const ask = (method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

/** In ms: about as long as a write. */
const SPIN = 0.015;

/** What takes as long as a write, without a store: what its turns take is the machine's doing. */
function spin(sid, session, callback) {
  const end = performance.now() + SPIN;
  while (performance.now() < end);
  setImmediate(callback);
}

async function run({ run: ms, perTurn, isControl }) {
  const end = performance.now() + ms;
  const write = isControl ? spin : (...args) => store.set(...args);
  const writes = [];
  const turns = [];
  let last = performance.now();
  await new Promise((resolve, reject) => {
    let n = 0;
    let open = 0;
    let hasWritten = false;
    const turn = () => {
      const now = performance.now();
      // Of a turn in which nothing is written there is nothing to know.
      if (hasWritten) turns.push(now - last);
      hasWritten = false;
      last = now;
      if (now > end) {
        if (open === 0) resolve();
        else setImmediate(turn);
        return;
      }
      // As many requests as a server has at once, each of which waits for its own write.
      while (open < perTurn) {
        open++;
        hasWritten = true;
        const start = performance.now();
        write(`${process.pid} ${n++ % SESSIONS}`, sess(n), (error) => {
          writes.push(performance.now() - start);
          open--;
          if (error) reject(error);
        });
      }
      setImmediate(turn);
    };
    turn();
  });
  return { writes: summary(writes), turns: summary(turns) };
}

/** What counts of many times in ms. */
function summary(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return { count: times.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), most: times.at(-1) };
}

async function seed({ seed: count, expired }) {
  const expires = expired ? new Date(Date.now() - 1000) : new Date(Date.now() + 3_600_000);
  for (let n = 0; n < count; n += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, at) => ask('set', `seeded ${expired} ${n + at}`, sess(n, expires))));
  }
}

async function act(message) {
  if (message.run) return run(message);
  if (message.seed) return seed(message);
  const start = performance.now();
  await ask(message);
  return performance.now() - start;
}

process.on('message', (message) => {
  act(message).then((answer) => { process.send(answer ?? 'done'); }, (error) => { console.error(error); process.exit(1); });
});
process.send('ready');
