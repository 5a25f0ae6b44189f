'use strict';

// Not in check: it starts nginx and Redis.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { createClient } = require('redis');

const Site = require('../../examples/redis/site');
const Visitor = require('./visitor');
const { needs } = require('../../test-kit/installed');

const EXAMPLE = path.join(__dirname, '..', '..', 'examples', 'redis');
const VISITORS = 12;
const USERS = [['ada', 'Ada Lovelace'], ['grace', 'Grace Hopper'], ['linus', 'Linus Torvalds']];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

const skip = needs('nginx', 'redis-server');

describe('the Redis example behind nginx', { skip, timeout: 40000 }, () => {
  let site;

  before(async () => {
    site = await Site.start({ processes: 2, secret: 'shared by the processes' });
  });
  after(() => site?.stop());

  it('runs on this package, from which connect-redis has its Store', () => {
    assert.deepEqual(site.processes.map(({ session }) => session), Array(2).fill(require.resolve('../..')));

    const store = "require('connect-redis').RedisStore.prototype instanceof require('express-session').Store";
    const args = ['--require', path.join(EXAMPLE, 'alias.js'), '--print', store];

    assert.equal(execFileSync(process.execPath, args, { cwd: EXAMPLE, encoding: 'utf8' }), 'true\n');
  });

  it('has nobody\'s session lost when a process is killed and another one added', async () => {
    const crowd = new Crowd(site.url);

    try {
      await crowd.go();
      assert.deepEqual(await crowd.answering(), ['1', '2']);

      const killed = site.processes.find(({ number }) => number === 1);

      await crowd.during(async () => {
        process.kill(killed.pid, 'SIGKILL');
        await killed.ended;
      });
      assert.deepEqual(site.processes.map(({ number }) => number), [2]);
      assert.deepEqual(await crowd.answering(), ['2']);

      await site.add();
      // The workers with the old list may still take a request or two.
      while (!crowd.numbers.has('3')) await crowd.everybody();
      assert.deepEqual(await crowd.answering(), ['2', '3']);
    } finally {
      await crowd.stop();
    }
  });

  it('signs the cookie with the same secret in each process', async () => {
    const visitor = new Visitor(site.url);
    const numbers = new Set();

    await visitor.count();
    const { cookie } = visitor;

    for (let i = 0; i < 4; i++) {
      const { count, number } = await visitor.look();

      assert.equal(count, 1);
      numbers.add(number);
    }
    assert.equal(numbers.size, 2);
    assert.equal(visitor.cookie, cookie);
  });

  it('keeps its connection to nginx when Redis has no memory for a login', async (t) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const redis = createClient({ url: site.redis.url });

    await redis.connect();
    t.after(async () => {
      agent.destroy();
      await redis.configSet('maxmemory', '0');
      await redis.close();
    });
    await redis.configSet('maxmemory', '1');
    // When a connection is closed that nginx is about to use, it takes the process for
    // dead, and soon both of them: then it answers 502 for ten seconds.
    for (let i = 0; i < 10; i++) {
      const request = http.request({ agent, port: site.processes[0].port, method: 'POST', path: '/login', headers: FORM });

      request.end('name=ada');

      const [response] = await once(request, 'response');

      assert.equal(response.statusCode, 500);
      assert.equal(request.reusedSocket, i > 0);
      await once(response.resume(), 'end');
    }
  });

  it('forgets a session in every process when its visitor logs out', async () => {
    const visitor = new Visitor(site.url);

    await visitor.logIn('ada');
    const { cookie } = visitor;

    await visitor.request('POST', '/logout');
    for (let i = 0; i < 4; i++) {
      visitor.cookie = cookie;
      assert.equal((await visitor.look()).user, undefined);
    }
  });
});

/**
 * Visitors that press the button and look at the page, over and over, until told
 * to stop. Whatever one of them sees that is not as promised rejects `stop()`
 * and whoever waits for them.
 */
class Crowd {
  /** Of the processes that have answered since it was last cleared. */
  numbers = new Set();
  isOver = false;
  /** Whether a request that is under way now may fail. */
  isRough = false;
  rough = 0;

  constructor(url) {
    this.visitors = Array.from({ length: VISITORS }, () => new Visitor(url));
  }

  /** Returns when each has been answered by several. */
  async go() {
    this.walks = this.visitors.map((visitor, i) => this.walk(visitor, USERS[i % USERS.length]));
    // Looked at later: until then, a rejection is no crash.
    this.all = Promise.all(this.walks);
    this.all.catch(() => {});
    await this.everybody();
  }

  async walk(visitor, [name, fullName]) {
    visitor.rounds = 0;
    await visitor.count();
    await visitor.logIn(name);
    while (!this.isOver) {
      await this.unlessRough(() => visitor.count());

      const seen = await this.unlessRough(() => visitor.look());

      if (seen) check(visitor, seen, fullName);
      visitor.rounds++;
    }

    // Whatever happened on the way: this is what is left at the end.
    check(visitor, await visitor.look(), fullName);
  }

  /** A request, which may fail if things were rough at any time while it was under way. */
  async unlessRough(request) {
    const { isRough, rough } = this;

    try {
      const answer = await request();

      this.numbers.add(answer.number);
      return answer;
    } catch (error) {
      if (!isRough && this.rough === rough) throw error;
    }
  }

  /** Does what may break the requests that are under way, and no others. */
  async during(action) {
    this.isRough = true;
    this.rough++;
    await action();
    // An answer to a request that began after it: nginx has noticed, too.
    await new Visitor(this.visitors[0].url).look();
    this.isRough = false;
  }

  /** Waits until each visitor has been round twice more, the first of which may have begun before. */
  async everybody() {
    const goals = this.visitors.map(({ rounds }) => (rounds ?? 0) + 2);

    while (this.visitors.some(({ rounds }, i) => !(rounds >= goals[i]))) {
      await Promise.race([this.all, new Promise((resolve) => { setTimeout(resolve, 5); })]);
    }
  }

  /** The numbers of the processes that answer now. */
  async answering() {
    await this.everybody();
    this.numbers.clear();
    await this.everybody();
    return [...this.numbers].sort();
  }

  async stop() {
    this.isOver = true;
    await this.all;
  }
}

/** What was acknowledged is there, and no more than what may be there besides. */
function check(visitor, { count, user }, fullName) {
  assert.equal(user, fullName);
  assert.ok(
    count >= visitor.acknowledged && count <= visitor.acknowledged + visitor.uncertain,
    `shows ${count}: ${visitor.acknowledged} were acknowledged and ${visitor.uncertain} failed`,
  );
  // What failed is settled now.
  visitor.acknowledged = count;
  visitor.uncertain = 0;
}
