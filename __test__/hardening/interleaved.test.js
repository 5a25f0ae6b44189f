'use strict';

// Not in check: it starts Redis, Valkey and PostgreSQL, and installs clients of them.
// In test:long: INTERLEAVINGS=1000

/**
 * Programs that use one store at once, in an order that a seed decides: each call of the server waits
 * until the scheduler below lets it go, one after the other. A model of a store does the same in that
 * order, and both must give the same answers.
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const sessions = require('../..');
const ofPostgres = require('../../postgres');
const ofRedis = require('../../redis');
const { load, clients, stores, useServers, connect } = require('./redis-setups');
const { ask, session } = require('./unchanged');
const { createRandom } = require('../parity/differential/random');
const startPostgres = require('../../stores/backends/postgres');
const startValkey = require('../../stores/backends/valkey');
const { temporaryFolder } = require('../../test-kit/folder');
const { skipWithout } = require('../../test-kit/installed');
const { HOST } = require('../../test-kit/port');

const RUNS = Number(process.env.INTERLEAVINGS ?? 40);
const ACTORS = 4;
const STEPS = 12;

useServers();
const started = [];
test.after(() => Promise.all(started.map((server) => server.stop())));

/** Lets calls go one at a time, in an order of its own. */
class Scheduler {
  #waiting = [];
  #running = 0;

  /** @param {ReturnType<typeof createRandom>} random */
  constructor(random) {
    this.random = random;
  }

  /**
   * Returns a function that calls another one when its turn has come.
   * @param {(...args: any[]) => Promise<unknown>} act
   */
  held(act) {
    return (...args) => {
      const reply = new Promise((resolve, reject) => {
        this.#waiting.push(() => act(...args).then(resolve, reject).then(() => reply).then(() => {}, () => {}));
      });
      // Some clients tell a callback as well.
      reply.catch(() => {});
      return reply;
    };
  }

  /** Runs programs, each of which waits for one call at a time, to their end. */
  async run(programs) {
    const ends = programs.map(async (program) => {
      this.#running += 1;
      try {
        await program();
      } finally {
        this.#running -= 1;
      }
    });
    const failed = Promise.all(ends);
    failed.catch(() => {});
    while (this.#running > 0) {
      while (this.#waiting.length < this.#running) await turn();
      if (this.#running === 0) break;
      const [next] = this.#waiting.splice(this.random.int(0, this.#waiting.length - 1), 1);
      await next();
      await turn();
    }
    await failed;
  }
}

/** A store that does what the wrapped one must do. */
class Model {
  #sessions = new Map();
  #writes = 0;

  /** @param {'data' | 'version'} compared */
  constructor(compared) {
    this.compared = compared;
  }

  get(sid) {
    return this.#sessions.get(sid);
  }

  set(sid, data) {
    this.#sessions.set(sid, { data: JSON.stringify(data), version: this.#writes += 1 });
  }

  setIfPresent(sid, data) {
    if (this.#sessions.has(sid)) this.set(sid, data);
  }

  setIfUnchanged(sid, data, loaded) {
    const isSame = this.#sessions.get(sid)?.[this.compared] === loaded[this.compared];
    if (isSame) this.set(sid, data);
    return isSame;
  }

  destroy(sid) {
    this.#sessions.delete(sid);
  }

  touch() {}
}

/** What connect-redis and the wrapper call. */
const COMMANDS = new Set(['get', 'set', 'del', 'expire', 'evalSha', 'eval', 'evalsha', 'sendCommand']);

/** A client of Redis whose calls wait for the scheduler; `heard` gets the answers of those that did not fail. */
function heldClient(client, scheduler, heard) {
  const held = new Map(Array.from(COMMANDS, (name) => [name, scheduler.held(async (...args) => heard(await client[name](...args)))]));
  return new Proxy(client, { get: (target, name) => (COMMANDS.has(name) && target[name] ? held.get(name) : target[name]) });
}

const redis = (version, name) => ({
  compared: 'data',
  async open(t, server) {
    const { client, port } = server ? { client: await clients[name](t, server), port: server.port } : await connect(t, name) ?? {};
    if (!client) return undefined;
    const plain = await clients.redis(t, { port });
    return {
      make(scheduler, heard) {
        const held = heldClient(client, scheduler, heard);
        return ofRedis(stores[version]({ client: held }), held);
      },
      disturb: () => plain.sendCommand(['SCRIPT', 'FLUSH']),
      clear: () => plain.sendCommand(['FLUSHALL']),
    };
  },
});

const KINDS = {
  'Redis: connect-redis 10, redis': redis('10', 'redis'),
  'Redis: connect-redis 8, ioredis': redis('8', 'ioredis'),
  'Redis Cluster: connect-redis 10, redis, cluster': redis('10', 'redis, cluster'),
  'Redis Cluster: connect-redis 8, ioredis, cluster': redis('8', 'ioredis, cluster'),
  'Valkey: connect-redis 8, iovalkey': { ...redis('8', 'iovalkey'), start: startValkey },
  ...Object.fromEntries(['json', 'jsonb'].map((type) => [`PostgreSQL: ${type}`, {
    compared: 'version',
    start: startPostgres,
    async open(t, server) {
      const { database } = await server.fresh();
      const pool = new (load('pg').Pool)({ host: HOST, port: server.port, user: 'postgres', database });
      t.after(() => pool.end());
      await pool.query(`CREATE TABLE session (sid varchar PRIMARY KEY, sess ${type} NOT NULL, expire timestamp(6) NOT NULL)`);
      const PGStore = load('connect-pg-simple')(sessions);
      return {
        make(scheduler, heard) {
          const query = scheduler.held(async (...args) => heard(await pool.query(...args)));
          return ofPostgres(new PGStore({ pool: { query }, pruneSessionInterval: false }));
        },
        disturb: async () => {},
        clear: () => pool.query('DELETE FROM session'),
      };
    },
  }])),
};

/** Starts the server of a kind, once; the test is skipped without it. */
const servers = new Map();
async function opened(t, { start, open }) {
  if (!start) return open(t);
  if (!servers.has(start)) {
    servers.set(start, start(temporaryFolder('interleaved')).then((server) => { started.push(server); return server; }, (error) => {
      if (!error.isMissing) throw error;
      return skipWithout(error.message);
    }));
  }
  const server = await servers.get(start);
  return typeof server === 'string' ? t.skip(server) : open(t, server);
}

const withoutMeta = (stored) => {
  if (!stored) return undefined;
  const data = { ...stored };
  delete data.cookie;
  delete data._meta;
  return JSON.stringify(Object.fromEntries(Object.entries(data).sort()));
};

for (const [kind, setUp] of Object.entries(KINDS)) {
  test(`a store and its model, interleaved: ${kind}`, async (t) => {
    const { make, disturb, clear } = await opened(t, setUp) ?? {};
    if (!make) return;
    let stored = 0;
    let refused = 0;
    for (let seed = 1; seed <= RUNS; seed += 1) {
      await clear();
      const random = createRandom(seed);
      const scheduler = new Scheduler(random);
      const model = new Model(setUp.compared);
      const history = [];
      const programs = Array.from({ length: ACTORS }, (_, actor) => {
        /** Does to the model what the server has done for this actor. */
        let onReply;
        const store = make(scheduler, (reply) => { onReply(); return reply; });
        return async () => {
          /** What this actor has loaded last: by the store, and by the model. */
          const loaded = new Map();
          for (let step = 0; step < STEPS; step += 1) {
            const sid = random.pick(['a', 'a', 'b']);
            let method = random.weighted([[6, 'get'], [2, 'set'], [3, 'setIfPresent'], [8, 'setIfUnchanged'], [1, 'destroy'], [1, 'touch']]);
            if (method === 'setIfUnchanged' && !loaded.get(sid)) method = 'get';
            const data = { n: random.int(1, 3), list: random.pick([[], {}, [[]]]) };
            const args = method === 'get' || method === 'destroy' ? [] : [session(data)];
            if (method === 'setIfUnchanged') args.push(loaded.get(sid).real);
            let expected;
            onReply = () => {
              history.push(`${actor} ${method} ${sid} ${JSON.stringify(data)}`);
              expected = model[method](sid, data, loaded.get(sid)?.model);
            };
            if (random.chance(0.1)) await disturb();
            const real = await ask(store, method, sid, ...args);
            const told = () => `seed ${seed}:\n${history.join('\n')}`;
            if (method === 'get') {
              assert.equal(withoutMeta(real), expected && withoutMeta(JSON.parse(expected.data)), told());
              loaded.set(sid, real ? { real, model: expected } : undefined);
            } else if (method === 'setIfUnchanged') {
              assert.equal(real, expected, told());
              if (real) stored += 1; else refused += 1;
            }
          }
        };
      });
      await scheduler.run(programs);
    }
    // Both happen often, or nothing would be tested.
    assert.ok(stored > RUNS && refused > RUNS, `${stored} stored, ${refused} refused`);
  });

  test(`nothing is lost, in whatever order: ${kind}`, async (t) => {
    const { make, disturb, clear } = await opened(t, setUp) ?? {};
    if (!make) return;
    for (let seed = 1; seed <= RUNS / 4; seed += 1) {
      await clear();
      const random = createRandom(seed);
      const scheduler = new Scheduler(random);
      let tries = 0;
      const programs = Array.from({ length: ACTORS }, (_, actor) => {
        const store = make(scheduler, (reply) => reply);
        return async () => {
          if (actor === 0) await ask(store, 'set', 'a', session({ n: 0, list: [] }));
          for (let left = 5; left > 0;) {
            if (random.chance(0.1)) await disturb();
            const loaded = await ask(store, 'get', 'a');
            // The first one has not stored it yet.
            if (!loaded) continue;
            tries += 1;
            const next = { n: loaded.n + 1, list: [...loaded.list, actor] };
            if (await ask(store, 'setIfUnchanged', 'a', session(next), loaded)) left -= 1;
          }
        };
      });
      await scheduler.run(programs);
      const scheduled = new Scheduler(random);
      let last;
      await scheduled.run([async () => { last = await ask(make(scheduled, (reply) => reply), 'get', 'a'); }]);
      assert.equal(last.n, ACTORS * 5, `seed ${seed}`);
      assert.deepEqual(last.list.sort(), Array.from({ length: ACTORS * 5 }, (_, i) => Math.floor(i / 5)), `seed ${seed}`);
      assert.ok(tries > ACTORS * 5, `seed ${seed}: nobody was in the way of another`);
    }
  });
}
