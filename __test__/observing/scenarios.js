'use strict';

/**
 * What happens to a session, and which messages that gives: for every store, unless `needs` says what the
 * store must have.
 *
 * A scenario gets `visit(handler, question)`, by which its visitor comes; `expect(…messages)`, which says what was
 * told since the last time; the store, and the clock.
 */
const assert = require('node:assert/strict');
const { setTimeout: pause } = require('node:timers/promises');
const { cookieOf } = require('../../test-kit/jar');

/** Values that no message may have. */
const DATA = 'what-only-the-visitor-knows';

const HOUR = 3600_000;
const read = (req, res) => { res.end(String(req.session.n)); };
const write = (req, res) => { req.session.n = `${DATA}-${Math.random()}`; res.end(); };
const ending = (act) => async (req, res) => { await act(req); res.end(); };
const asked = (session, method) => new Promise((resolve, reject) => { session[method]((error) => (error ? reject(error) : resolve())); });
const isAtomic = (store) => typeof store.setIfUnchanged === 'function';

/** Lets a request of the visitor wait in its handler, while others come. */
async function during(visit, act, meanwhile, question) {
  let begun;
  let goOn;
  const hasBegun = new Promise((resolve) => { begun = resolve; });
  const answer = visit(async (req, res) => {
    begun();
    await new Promise((resolve) => { goOn = resolve; });
    await act(req, res);
    res.end();
  }, question);
  await hasBegun;
  await meanwhile();
  goOn();
  return answer;
}

const scenarios = {
  'nobody stores a session': {
    async run({ visit, expect }) {
      await visit((req, res) => res.end(req.session.cookie.path));
      expect();
    },
  },
  'a session is stored, read, written and left alone': {
    async run({ visit, expect }) {
      await visit(write);
      expect('create created', 'save saved');
      await visit(read);
      expect('load found', 'touch touched');
      await visit((req, res) => res.end());
      expect('load found', 'touch touched');
      await visit(write);
      expect('load found', 'save saved');
      await visit((req, res) => { req.session.touch(false); res.end(); });
      expect('load found');
    },
  },
  'a cookie of no session, a cookie with a wrong signature': {
    async run({ visit, expect }) {
      const { cookies: [set] } = await visit(write);
      await visit(ending((req) => asked(req.session, 'destroy')));
      expect('create created', 'save saved', 'load found', 'destroy destroyed');
      await visit(read, { cookie: cookieOf(set) });
      expect('load none');
      await visit(write, { cookie: cookieOf(set) });
      expect('load none', 'create created', 'save saved');
      await visit(read, { cookie: cookieOf(set).slice(0, -3) });
      expect();
    },
  },
  'a program saves, and saves again': {
    async run({ visit, expect }) {
      await visit(async (req, res) => {
        req.session.n = DATA;
        await asked(req.session, 'save');
        req.session.n = `${DATA}-2`;
        await asked(req.session, 'save');
        res.end();
      });
      expect('create created', 'save saved', 'save saved');
      // As in express-session, the end of the response touches a session whose data are what they were.
      await visit(ending((req) => asked(req.session, 'save')));
      expect('load found', 'save saved', 'touch touched');
      await visit(ending((req) => Promise.all([asked(req.session, 'save'), asked(req.session, 'save')])));
      expect('load found', 'save saved', 'save saved', 'touch touched');
      await visit((req, res) => { req.session.save(() => { req.session.save(() => res.end()); }); });
      expect('load found', 'save saved', 'save saved', 'touch touched');
    },
  },
  'a program has wrapped the method save': {
    async run({ visit, expect }) {
      const wrapping = (wait) => (req, res) => {
        req.session.n = `${DATA}-${Math.random()}`;
        const { save } = req.session;
        Object.defineProperty(req.session, 'save', {
          async value(callback) {
            if (wait) await pause(1);
            return save.call(this, callback);
          },
        });
        res.end();
      };
      await visit(write);
      expect('create created', 'save saved');
      await visit(wrapping(false));
      expect('load found', 'save saved');
      await visit(wrapping(true));
      expect('load found', 'save saved');
    },
  },
  'a session is loaded again': {
    async run({ visit, expect }) {
      await visit(write);
      await visit(ending((req) => asked(req.session, 'reload')));
      expect('create created', 'save saved', 'load found', 'load found', 'touch touched');
      await visit(ending(async (req) => {
        const { session } = req;
        await asked(session, 'destroy');
        await assert.rejects(asked(session, 'reload'), /failed to load session/);
      }));
      expect('load found', 'destroy destroyed', 'load none');
    },
  },
  'a session is stored again after it was destroyed': {
    async run({ visit, expect }) {
      await visit(write);
      expect('create created', 'save saved');
      await visit(ending(async (req) => {
        const { session } = req;
        await asked(session, 'destroy');
        await asked(session, 'save');
        await asked(session, 'save');
      }));
      expect('load found', 'destroy destroyed', 'create created', 'save saved', 'save saved');
    },
  },
  'the option unset': {
    options: { unset: 'destroy' },
    async run({ visit, expect }) {
      await visit(write);
      await visit((req, res) => { req.session = null; res.end(); });
      expect('create created', 'save saved', 'load found', 'destroy destroyed');
      await visit(write, { cookie: 'none=1' });
      // The store is asked twice to destroy it, which is one thing to the session.
      await visit(ending((req) => asked(req.session, 'destroy')));
      expect('create created', 'save saved', 'load found', 'destroy destroyed');
    },
  },
  'a session is regenerated': {
    async run({ visit, expect }) {
      await visit(write);
      await visit(ending(async (req) => {
        await asked(req.session, 'regenerate');
        req.session.n = DATA;
      }));
      expect('create created', 'save saved', 'load found', 'regenerate regenerated', 'create created', 'save saved');
      await visit(ending((req) => req.session.regenerate({ keep: true })));
      expect('load found', 'create created', 'save saved', 'regenerate regenerated');
      await visit(read);
      expect('load found', 'touch touched');
    },
  },
  'a session has ended while a request uses it': {
    needs: (store) => typeof store.setIfPresent === 'function' || typeof store.stats === 'function',
    async run({ visit, expect }) {
      const { cookies: [set] } = await visit(write);
      const cookie = cookieOf(set);
      const end = async () => { await visit(ending((req) => asked(req.session, 'destroy')), { cookie }); };
      expect('create created', 'save saved');
      await during(visit, (req) => { req.session.n = `${DATA}-2`; }, end, { cookie });
      expect('load found', 'load found', 'destroy destroyed', 'save gone');
    },
  },
  'a session has ended when another one is to keep its data': {
    async run({ visit, expect }) {
      const { cookies: [set] } = await visit(write);
      const cookie = cookieOf(set);
      const end = async () => { await visit(ending((req) => asked(req.session, 'destroy')), { cookie }); };
      await during(visit, async (req) => {
        await assert.rejects(req.session.regenerate({ keep: true }), { code: 'ERR_SESSION_ENDED' });
        req.session = null;
      }, end, { cookie });
      expect('create created', 'save saved', 'load found', 'load found', 'destroy destroyed', 'create created', 'save saved', 'destroy destroyed', 'regenerate error', 'error regenerate');
    },
  },
  'a session ends by idleTimeout': {
    options: { idleTimeout: HOUR, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      await visit(write);
      time.tick(HOUR);
      await visit(read);
      expect('create created', 'save saved', 'expire idle', 'load expired');
    },
  },
  'a session ends by absoluteTimeout, and so for reload': {
    options: { absoluteTimeout: HOUR, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      await visit(write);
      expect('create created', 'save saved');
      await visit(async (req, res) => {
        time.tick(HOUR);
        await assert.rejects(asked(req.session, 'reload'), /failed to load session/);
        req.session = null;
        res.end();
      });
      expect('load found', 'expire absolute', 'load expired');
      await visit(read);
      expect('load none');
    },
  },
  'the use of a session is noted': {
    options: { idleTimeout: HOUR, resave: false },
    async run({ visit, expect, time }) {
      await visit(write);
      time.tick(HOUR / 2);
      await visit(read);
      expect('create created', 'save saved', 'load found', 'touch touched');
      time.tick(HOUR / 2);
      await visit(read);
      expect('load found', 'touch touched');
    },
  },
  'touchAfter': {
    options: { touchAfter: HOUR, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      await visit(write);
      await visit(read);
      expect('create created', 'save saved', 'load found');
      time.tick(2 * HOUR);
      await visit(read);
      expect('load found', 'touch touched');
    },
  },
  'the id of a session is renewed': {
    options: { renewAfter: HOUR, renewGrace: 60_000, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      const { cookies: [set] } = await visit(write);
      const old = cookieOf(set);
      time.tick(HOUR);
      const { cookies: [renewed] } = await visit(read);
      expect('create created', 'save saved', 'load found', 'renew renewed', 'touch touched');
      await visit(read, { cookie: old });
      expect('load found', 'touch touched');
      await visit(write, { cookie: old });
      expect('load found', 'save saved');
      await visit(ending((req) => asked(req.session, 'destroy')), { cookie: old });
      expect('load found', 'destroy destroyed');
      await visit(read, { cookie: cookieOf(renewed) });
      expect('load none');
    },
  },
  'a session is used and ended although its id may have been renewed': {
    options: { renewAfter: HOUR, renewGrace: 60_000, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      await visit(write);
      expect('create created', 'save saved');
      time.tick(HOUR);
      await visit(read, { method: 'POST' });
      expect('load found', 'touch touched');
      await visit(write, { method: 'POST' });
      expect('load found', 'save saved');
      await visit(ending((req) => asked(req.session, 'regenerate')), { method: 'POST' });
      expect('load found', 'regenerate regenerated', 'create created', 'save saved');
      time.tick(HOUR);
      await visit(ending((req) => req.session.regenerate({ keep: true })), { method: 'POST' });
      expect('load found', 'create created', 'save saved', 'regenerate regenerated');
      await visit(ending((req) => asked(req.session, 'destroy')), { method: 'POST' });
      expect('load found', 'destroy destroyed');
    },
  },
  'a session has ended, and its id may have been renewed': {
    options: { renewAfter: HOUR, renewGrace: 60_000, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time }) {
      const { cookies: [set] } = await visit(write);
      const cookie = cookieOf(set);
      const end = async () => { await visit(ending((req) => asked(req.session, 'destroy')), { cookie, method: 'POST' }); };
      expect('create created', 'save saved');
      time.tick(HOUR);
      // There is nothing to touch.
      await during(visit, () => {}, end, { cookie, method: 'POST' });
      expect('load found', 'load found', 'destroy destroyed');
    },
  },
  'the id of a session is kept': {
    options: { renewAfter: HOUR, renewGrace: 60_000, cookie: { maxAge: 9 * HOUR } },
    async run({ visit, expect, time, genid }) {
      await visit(write);
      time.tick(HOUR);
      genid.next = () => '';
      await visit(read);
      expect('create created', 'save saved', 'load found', 'renew kept', 'touch touched');
      genid.next = () => { throw new Error(DATA.length.toString()); };
      await visit(read);
      expect('load found', 'renew error', 'error renew', 'touch touched');
    },
  },
  'changes are merged': {
    options: { merge: true },
    async run({ visit, expect, messages }) {
      const { cookies: [set] } = await visit(write);
      const cookie = cookieOf(set);
      const other = async () => { await visit((req, res) => { req.session.theirs = DATA.repeat(20); res.end(); }, { cookie }); };
      expect('create created', 'save saved');
      await during(visit, (req) => { req.session.mine = 1; }, other, { cookie });
      expect('load found', 'load found', 'save saved', 'conflict merged', 'save saved');
      const [theirs, merged] = messages.filter(({ name }) => name === 'save').slice(-2);
      assert.equal(merged.bytes - theirs.bytes, ',"mine":1'.length);
    },
  },
  'changes cannot be merged': {
    options: { merge: true },
    needs: isAtomic,
    async run({ visit, expect, store }) {
      await visit(write);
      expect('create created', 'save saved');
      Object.defineProperty(store, 'setIfUnchanged', { value: (...args) => { setImmediate(args.at(-1), null, false); }, configurable: true });
      await visit(write);
      expect('load found', 'conflict failed', 'save error', 'error save');
      delete store.setIfUnchanged;
    },
  },
  'data without JSON': {
    async run({ visit, expect }) {
      await visit((req, res) => { req.session[DATA] = req.session; res.end(); });
      expect('save error', 'error save');
      await visit(async (req, res) => {
        req.session.n = 1n;
        await assert.rejects(asked(req.session, 'save'));
        delete req.session.n;
        res.end();
      });
      expect('save error', 'error save');
    },
  },
};

module.exports = { DATA, scenarios };
