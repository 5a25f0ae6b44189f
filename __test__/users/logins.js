'use strict';

/**
 * Logs users in and out in FILE, without an end, and tells each change that was answered: a line with
 * the sid and its user, or `-`. On a message it does one thing instead: see `ASKED`.
 */
const { DiskStore } = require('../..');

const { file, options, isEndless } = JSON.parse(process.argv[2]);
const store = new DiskStore({ path: file, user: (session) => session.user, ...options });
const cookie = { originalMaxAge: 3_600_000, expires: new Date(Date.now() + 3_600_000).toJSON(), httpOnly: true, path: '/' };

const ask = (method, ...args) => new Promise((resolve, reject) => {
  store[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)));
});

const ASKED = {
  set: (sid, user) => ask('set', sid, { cookie, user }),
  saveLoaded: async (sid) => ask('setIfPresent', sid, { cookie, user: 'ann', late: true }),
  sids: async (user) => (await store.sessionsOf(user)).length,
  endAll: (user) => store.endAll(user),
};

process.on('message', ({ what, args }) => {
  ASKED[what](...args).then((answer) => { process.send({ answer }); }, (error) => { process.send({ error: error.message }); });
});
process.send('ready');

async function run() {
  for (let at = 0; ; at++) {
    const sid = `s${Math.floor(Math.random() * 40)}`;
    const user = ['ann', 'bob', 'cyd', undefined][Math.floor(Math.random() * 4)];
    if (at % 5 === 0) await ask('destroy', sid);
    else if (at % 7 === 0 && user) await store.endAll(user);
    else await ask('set', sid, { cookie, user });
    if (at % 20 === 0) await new Promise(setImmediate);
  }
}
if (isEndless) run();
