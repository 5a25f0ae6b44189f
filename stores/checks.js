'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const { LIFE_MS, NESTED } = require('./app');

/**
 * The second session is touched after the first pause, and would be gone after the second
 * without that. A backend may end a session up to two seconds before its time: it leaves out
 * the fraction, and its clock ticks once a second. `bench.pace` multiplies them all.
 */
const SHORT_MS = 1500;
const TOUCHED_MS = 5000;
const PAUSE_MS = 3000;
const SECOND_PAUSE_MS = 3000;
const CROWD = 20;

/**
 * The checks of one store, in their order. A check is passed if it does not
 * throw; where `has` names a method that the store lacks, it does not apply.
 *
 * @typedef {object} Bench what a check works with
 * @property {Function} session
 * @property {object} store
 * @property {() => import('./browser')} browser a new one
 * @property {() => Promise<void>} reopen replaces the store by a new instance
 * @property {(method: string, ...args: any[]) => Promise<any>} ask calls the store
 * @property {object} notes what one check leaves for the next
 * @property {number} pace how many times longer than usual sessions live, and checks wait
 * @property {boolean} [hasTimes] whether sessions have an idle and an absolute end
 *
 * @type {{ name: string, has?: string, shuffled?: boolean, ofTimes?: boolean,
 *   run: (bench: Bench) => Promise<void> }[]}
 */
module.exports = [
  {
    name: 'is a Store',
    async run({ session, store }) {
      assert.ok(store instanceof session.Store, 'no instance of session.Store');
      assert.ok(store instanceof EventEmitter, 'no EventEmitter');
    },
  },
  {
    name: 'counter',
    async run({ browser }) {
      const visitor = browser();
      for (const count of [1, 2, 3]) is(await visitor.get('/count'), { count });
    },
  },
  {
    name: 'cookie revived',
    async run({ browser }) {
      const visitor = browser();
      await visitor.get('/count');
      const { body } = await visitor.get('/look');
      assert.deepEqual(body.cookie, {
        revived: true, expires: '[object Date]', originalMaxAge: LIFE_MS, httpOnly: true, path: '/',
      });
    },
  },
  {
    name: 'persists',
    async run({ browser, reopen }) {
      const visitor = browser();
      await visitor.get('/count');
      const { cookie } = visitor;
      await reopen();
      const later = browser();
      later.cookie = cookie;
      is(await later.get('/count'), { count: 2 });
    },
  },
  {
    name: 'save',
    async run({ browser }) {
      const visitor = browser();
      is(await visitor.get('/save'), { saved: true });
      assert.equal((await visitor.get('/look')).body.data.saved, true);
    },
  },
  {
    name: 'reload',
    async run({ browser }) {
      const visitor = browser();
      await visitor.get('/count');
      is(await visitor.get('/reload'), { scratch: null, count: 1 });
    },
  },
  {
    name: 'regenerate',
    async run({ browser }) {
      const visitor = browser();
      await visitor.get('/count');
      const old = browser();
      old.cookie = visitor.cookie;
      is(await visitor.get('/regenerate'), { another: true, count: null });
      assert.equal((await visitor.get('/look')).body.data.fresh, true);
      is(await old.get('/count'), { count: 1 });
    },
  },
  {
    name: 'destroy',
    async run({ browser }) {
      const visitor = browser();
      await visitor.get('/count');
      is(await visitor.get('/destroy'), { gone: true });
      is(await visitor.get('/count'), { count: 1 });
    },
  },
  {
    name: 'keeps _meta',
    ofTimes: true,
    async run({ browser, hasTimes }) {
      const start = Date.now();
      const visitor = browser();
      await visitor.get('/count');
      const { meta: first } = (await visitor.get('/meta')).body;
      await visitor.get('/count');
      const { meta: second } = (await visitor.get('/meta')).body;
      // The wrapper for PostgreSQL keeps a version there.
      const [keys, later] = [first, second].map((meta) => Object.keys(meta ?? {}).filter((key) => key !== 'version').sort());
      if (!hasTimes) return assert.deepEqual([keys, later], [[], []]);
      assert.deepEqual(keys, ['created', 'renewed', 'seen']);
      assert.ok(first.created >= start && first.created <= first.seen && first.seen <= Date.now(), JSON.stringify(first));
      assert.equal(second.created, first.created);
      assert.ok(second.seen >= first.seen && second.seen <= Date.now(), JSON.stringify(second));
    },
  },
  {
    name: 'unicode and nested data',
    async run({ browser }) {
      const visitor = browser();
      await visitor.get('/nested');
      assert.deepEqual((await visitor.get('/look')).body.data.nested, NESTED);
    },
  },
  {
    name: 'unknown sid',
    async run({ browser, ask }) {
      // A store of files may say so with an error, which the middleware knows.
      const answer = await ask('get', 'a'.repeat(32)).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      });
      assert.ok(answer === undefined || answer === null, 'an answer for an unknown sid');
      is(await browser().get('/count'), { count: 1 });
    },
  },
  {
    name: 'destroying an unknown sid',
    async run({ ask }) {
      await ask('destroy', 'b'.repeat(32));
    },
  },
  {
    name: 'disconnect',
    async run({ browser, store }) {
      const visitor = browser();
      await visitor.get('/count');
      store.emit('disconnect');
      is(await visitor.get('/count'), { none: true });
      store.emit('connect');
      is(await visitor.get('/count'), { count: 2 });
    },
  },
  {
    name: '20 parallel requests',
    shuffled: true,
    async run({ browser }) {
      const visitors = Array.from({ length: CROWD }, browser);
      for (const count of [1, 2]) {
        const answers = await Promise.all(visitors.map((visitor, index) =>
          visitor.get(`/count?tag=visitor-${index}`)));
        for (const answer of answers) is(answer, { count });
      }
      const looks = await Promise.all(visitors.map((visitor) => visitor.get('/look')));
      looks.forEach(({ body }, index) => { assert.equal(body.data.tag, `visitor-${index}`); });
    },
  },
  {
    name: 'expiry',
    async run({ browser, notes, pace }) {
      const visitor = browser();
      await visitor.get(`/count?life=${SHORT_MS}`);
      notes.touched = browser();
      await notes.touched.get(`/count?life=${TOUCHED_MS * pace}`);
      await pause(PAUSE_MS * pace);
      is(await visitor.get('/count'), { count: 1 });
    },
  },
  {
    name: 'touch',
    has: 'touch',
    async run({ notes, pace }) {
      await notes.touched.get('/look');
      await pause(SECOND_PAUSE_MS * pace);
      is(await notes.touched.get('/count'), { count: 2 });
    },
  },
  {
    name: 'length',
    has: 'length',
    async run({ browser, ask }) {
      const before = await ask('length');
      await browser().get('/count');
      assert.equal(await ask('length'), before + 1);
    },
  },
  {
    name: 'all',
    has: 'all',
    async run({ browser, ask }) {
      await browser().get('/count?tag=one-of-all');
      const sessions = Object.values(await ask('all'));
      assert.equal(sessions.filter(({ tag }) => tag === 'one-of-all').length, 1);
    },
  },
  {
    name: 'ids',
    has: 'ids',
    async run({ browser, ask }) {
      const visitor = browser();
      await visitor.get('/count');
      const sid = decodeURIComponent(visitor.cookie).match(/s:([^.]+)/)[1];
      assert.ok((await ask('ids')).includes(sid), 'the id of a session is missing');
    },
  },
  {
    name: 'clear',
    has: 'clear',
    async run({ browser, ask }) {
      const visitor = browser();
      await visitor.get('/count');
      await ask('clear');
      is(await visitor.get('/count'), { count: 1 });
    },
  },
];

/**
 * @param {import('./browser').Answer} answer
 * @param {object} body
 */
function is(answer, body) {
  assert.deepEqual({ status: answer.status, body: answer.body }, { status: 200, body });
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
