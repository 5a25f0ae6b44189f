'use strict';

// In test:long: INTERLEAVED_ROUNDS=5000

/**
 * Three requests at a time through one `session()`, of visitors with different cookies: all
 * three have arrived before one goes on, and then they take turns at random. What a response
 * says and its Set-Cookie must be of its own visitor alone.
 *
 *   INTERLEAVED_SEED=n   the first seed, one for each round
 *   INTERLEAVED_ROUNDS   rounds for each kind of store, 150 if not set
 */

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');
const cookieSignature = require('cookie-signature');
const { secret, raw, signed, sidOf, attributesOf } = require('../security/cookies');
const { session, isOurs } = require('../subject');
const { serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { read } = require('../../test-kit/jar');
const { createRandom } = require('./differential/random');

const SEED = Number(process.env.INTERLEAVED_SEED || 1);
const ROUNDS = Number(process.env.INTERLEAVED_ROUNDS || 150);

/** Ms after which a response that is not there does not come. */
const LONGEST = 5000;

/** Ms by which the clock is put forward for each round, so that what is renewed shows. */
const STEP = 10_000;

/** Ms by which a lifetime may be less than it was: `touch` keeps what is left of it a moment later. */
const LOSS = 5000;

let ids = 0;

/** What `session()` gets of each kind, and whether the store tells what was destroyed. */
const KINDS = {
  'a MemoryStore': () => ({ store: new session.MemoryStore() }),
  'a MemoryStore with dispose': (disposed) => ({
    store: new session.MemoryStore({ dispose: (sid, data, reason) => { disposed.push({ sid, data, reason }); } }),
  }),
  'a MemoryStore, and a genid': () => ({ store: new session.MemoryStore(), genid: () => `own-id-${++ids}` }),
  'a store of another kind': (disposed, random) => ({ store: slowStore(random) }),
};

/** A store that answers some turns later. */
function slowStore(random) {
  const store = new session.Store();
  const texts = new Map();
  const answer = async (callback, ...results) => {
    await turns(random.int(0, 3));
    callback(...results);
  };
  store.get = (sid, callback) => { answer(callback, null, texts.has(sid) ? JSON.parse(texts.get(sid)) : undefined); };
  store.set = (sid, data, callback) => { texts.set(sid, JSON.stringify(data)); answer(callback); };
  store.destroy = (sid, callback) => { texts.delete(sid); answer(callback); };
  store.touch = (sid, { cookie }, callback) => {
    if (texts.has(sid)) texts.set(sid, JSON.stringify({ ...JSON.parse(texts.get(sid)), cookie }));
    answer(callback);
  };
  return store;
}

async function turns(count) {
  for (; count > 0; count--) await new Promise(setImmediate);
}

for (const [kind, make] of Object.entries(KINDS)) {
  for (const rolling of [false, true]) {
    const skip = kind.includes('dispose') && !isOurs && 'the original has no such option';
    test(`${kind}, ${rolling ? '' : 'not '}rolling`, { skip }, async (t) => {
      const disposed = [];
      const random = createRandom(SEED);
      const crowd = new Crowd({ rolling, ...make(disposed, random) }, rolling);
      const { now } = Date;
      let offset = 0;
      Date.now = () => now() + offset;
      t.after(async () => {
        Date.now = now;
        await crowd.close();
      });
      await crowd.listen();
      for (let round = 0; round < ROUNDS; round++) {
        const seed = SEED + round;
        offset += STEP;
        try {
          await crowd.round(createRandom(seed));
        } catch (error) {
          error.message += `\n(round ${round}, of seed ${seed})`;
          throw error;
        }
      }
      assert.ok(crowd.destroyed.size > ROUNDS / 10 && crowd.visitors.length > 5, 'the rounds have done little');
      if (!kind.includes('dispose')) return;
      await turns(3);
      for (const { sid, data } of disposed) assert.equal(data.owner, crowd.destroyed.get(sid));
      assert.deepEqual(disposed.map(({ sid }) => sid).sort(), [...crowd.destroyed.keys()].sort());
    });
  }
}

/** What a handler does to the session of its request; `as` is what it makes of it: see `Crowd#look`. */
const ACTIONS = {
  pass() {},
  read: (req) => `${req.session.n}`,
  write: (req, { as }) => { become(req.session, as); },
  async save(req, { as, pause }) {
    become(req.session, as);
    await turns(pause);
    await called((callback) => req.session.save(callback));
  },
  cookie: (req, { as }) => { req.session.cookie.maxAge = as.maxAge; },
  destroy: (req) => called((callback) => req.session.destroy(callback)),
  async regenerate(req, { as, pause }) {
    await called((callback) => req.session.regenerate(callback));
    await turns(pause);
    become(req.session, as);
  },
};

function become(current, { owner, n, maxAge, cookie }) {
  Object.assign(current, { owner, n });
  Object.assign(current.cookie, { maxAge, ...cookie });
}

function called(call) {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(error) : resolve()));
  });
}

/** Visitors of one server, with what each must see. */
class Crowd {
  constructor(options, rolling) {
    this.rolling = rolling;
    this.visitors = [];
    /** The sids that are no more, with their owners. */
    this.destroyed = new Map();
    this.owners = 0;
    this.plans = new Map();
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
    const middleware = session({ secret, resave: false, saveUninitialized: false, ...options });
    this.app = (req, res) => {
      const plan = this.plans.get(req.url);
      const fail = (error) => {
        plan.crash = error;
        res.destroy();
      };
      middleware(req, res, (error) => {
        if (error) fail(error);
        else this.handle(plan, req, res).catch(fail);
      });
    };
  }

  async listen() {
    this.served = await serve(this.app);
  }

  async close() {
    this.agent.destroy();
    await this.served.close();
  }

  async handle(plan, req, res) {
    const { action, pauses: [first, pause, then, last], arrive, looks } = plan;
    await arrive();
    await turns(first);
    // What was stored, if this is the first look at the session.
    const left = looks ? req.session.cookie.maxAge : undefined;
    await ACTIONS[action](req, { as: plan.as, pause });
    await turns(then);
    const told = { sid: req.sessionID };
    if (looks) {
      const { session: its } = req;
      Object.assign(told, { left }, its && { id: its.id, owner: its.owner, n: its.n, lifetime: its.cookie.originalMaxAge, priority: its.cookie.priority });
    }
    const text = JSON.stringify(told);
    if (plan.isParted) {
      res.write(text.slice(0, 5));
      await turns(last);
      res.end(text.slice(5));
    } else {
      res.end(text);
    }
  }

  /** What a visitor's session can hold. Nobody has the same data, but many the same cookie, or nearly. */
  look(random) {
    const owner = `owner ${++this.owners}`;
    const cookie = { priority: random.pick(['low', 'high']), sameSite: random.pick(['lax', undefined]), domain: random.pick(['a.example', 'b.example']) };
    return { owner, n: random.int(0, 1_000_000), maxAge: random.pick([null, 3_600_000, 7_200_000, 10_000_000]), cookie };
  }

  plan(random, visitor, known) {
    const base = { pauses: Array.from({ length: 4 }, () => random.int(0, 3)), isParted: random.chance(0.3) };
    if (visitor) {
      const action = random.pick(['pass', 'pass', 'read', 'write', 'write', 'save', 'cookie', 'destroy', 'regenerate']);
      return { ...base, visitor, action, as: { ...this.look(random), owner: visitor.owner }, header: signed(visitor.sid), looks: action !== 'pass' };
    }
    const action = random.pick(['pass', 'read', 'write', 'write', 'save']);
    const forged = known && random.chance(0.5) && random.pick([
      // What somebody else is sending in this moment, with the signature of something else, or another key's.
      raw(`s:${known.sid}.${cookieSignature.sign('another', secret).split('.')[1]}`),
      signed(known.sid, 'another key'),
    ]);
    return { ...base, action, as: this.look(random), header: forged || undefined, looks: action !== 'pass' };
  }

  async round(random) {
    const first = random.pick(this.visitors);
    const second = random.pick(this.visitors.filter((it) => it !== first));
    // A few visitors stay, or there is nobody to be mistaken for.
    const few = this.visitors.length < 6;
    const plans = [first, few || random.chance(0.4) ? undefined : second, undefined].map((visitor) => this.plan(random, visitor, first));
    let left = plans.length;
    let open;
    const opened = new Promise((resolve) => { open = resolve; });
    const arrive = () => {
      if (--left === 0) open();
      return opened;
    };
    const seen = await Promise.all(plans.map((plan, at) => {
      plan.arrive = arrive;
      this.plans.set(`/${at}`, plan);
      return this.visit(`/${at}`, plan);
    }));
    for (const [at, plan] of plans.entries()) this.check(plan, seen[at]);
    const sids = seen.map(({ told }) => told.sid);
    assert.equal(new Set(sids).size, sids.length, 'two requests with one session');
  }

  async visit(path, plan) {
    const headers = plan.header ? { cookie: plan.header } : {};
    const { status, body, cookies } = await ask(this.served.port, path, { agent: this.agent, headers, patience: LONGEST })
      .catch((error) => { throw plan.crash ?? error; });
    return { status, told: JSON.parse(body), cookies };
  }

  /** Compares a response with what its visitor must see, and takes over what the visitor has now. */
  check({ visitor, action, as, looks }, { status, told, cookies }) {
    assert.equal(status, 200);
    const isNew = !visitor || action === 'regenerate';
    const isWritten = action === 'write' || action === 'save' || action === 'regenerate';
    const now = isWritten ? { ...as } : { ...visitor };
    if (action === 'cookie') now.maxAge = as.maxAge;
    now.sid = told.sid;
    now.endsAt = now.maxAge === null ? null : Date.now() + now.maxAge;

    if (isNew) {
      assert.ok(!this.visitors.some(({ sid }) => sid === told.sid) && !this.destroyed.has(told.sid), 'a new session has an id of its own');
    } else {
      assert.equal(told.sid, visitor.sid);
    }
    if (looks && action !== 'destroy') {
      assert.equal(told.id, told.sid);
      assert.equal(told.owner, now.owner);
      assert.equal(told.n, now.n);
      assert.equal(told.priority, now.cookie?.priority);
      assertLasts(told.lifetime, now.maxAge ?? null);
    } else if (!looks) {
      assert.deepEqual(Object.keys(told), ['sid']);
    }
    if (looks && visitor) assertLasts(told.left, visitor.endsAt === null ? null : visitor.endsAt - Date.now());
    else if (looks) assert.equal(told.left, null);

    const isDue = isNew ? isWritten : action !== 'destroy' && (this.rolling || (isWritten && now.maxAge !== null));
    assert.equal(cookies.length, isDue ? 1 : 0, `${action}, ${isNew}: ${cookies}`);
    if (isDue) checkCookie(cookies[0], now);

    if (visitor && (action === 'destroy' || action === 'regenerate')) {
      this.destroyed.set(visitor.sid, visitor.owner);
      this.visitors = this.visitors.filter((it) => it !== visitor);
    }
    if (isNew && isWritten) this.visitors.push(now);
    else if (visitor) Object.assign(visitor, now);
  }
}

function checkCookie(header, { sid, maxAge, cookie }) {
  const value = decodeURIComponent(read(header).value).slice(2);
  assert.equal(sidOf(header), sid);
  assert.equal(cookieSignature.unsign(value, secret), sid);
  const attributes = attributesOf(header);
  const [date] = attributes.filter((it) => it.startsWith('Expires=')).map((it) => Date.parse(it.slice('Expires='.length)));
  assertLasts(date === undefined ? null : date - Date.now(), maxAge);
  const capital = (word) => word[0].toUpperCase() + word.slice(1);
  assert.deepEqual(attributes.filter((it) => !it.startsWith('Expires=')), [
    `Domain=${cookie.domain}`, 'Path=/', 'HttpOnly', `Priority=${capital(cookie.priority)}`,
    ...cookie.sameSite ? [`SameSite=${capital(cookie.sameSite)}`] : [],
  ]);
}

/** A lifetime in ms: whole seconds in a header, and some time has gone by. */
function assertLasts(left, lifetime) {
  if (lifetime === null) assert.equal(left, null);
  else assert.ok(Math.abs(lifetime - left) < LOSS, `${left} of ${lifetime} ms`);
}
