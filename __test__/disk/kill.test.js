'use strict';

// In test:long: DISK_KILLS=300

/**
 * Two processes serve one file to a load over HTTP. Again and again one of them is killed, at any
 * instruction, and started again. Whatever a visitor was answered is there, in both processes; who
 * was logged out stays so; and no request hangs.
 *
 *   DISK_KILLS=n   how many kills; without it, as many as fit into four seconds, or into the time
 *                  that a busy machine needs for some load
 */

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { isOurs } = require('../subject');
const { Guest, newFile, startApp } = require('./apps');
const { run } = require('../../test-kit/program');

const KILLS = Number(process.env.DISK_KILLS || Infinity);
/** In ms. */
const LOAD_TIME = KILLS === Infinity ? 4000 : Infinity;
const VISITORS = 12;
/** Ms between two kills, at most. */
const PAUSE = 250;
/** What the long form may take. */
const TIMEOUT = 30_000 + (KILLS === Infinity ? 0 : KILLS * 3000);

const durabilities = KILLS === Infinity ? ['process'] : ['process', 'machine'];

for (const durability of durabilities) {
  test(`kill -9 of two processes under load: durability ${durability}`, {
    skip: !isOurs && 'the original has no DiskStore', timeout: TIMEOUT,
  }, async (t) => {
    const file = newFile(t);
    const options = { durability, checkPeriod: 200 };
    const apps = await Promise.all([startApp(t, file, { options }), startApp(t, file, { options })]);
    const tally = { kills: 0, writes: 0, reads: 0, cut: 0, lost: [], revived: [], worst: 0 };
    let isOver = false;

    // At times both are dead, and the next one to open the file recovers it.
    const end = Date.now() + LOAD_TIME;
    const kill = async (index) => {
      while (tally.kills < KILLS / durabilities.length && (Date.now() < end || !isLoaded(tally))) {
        await wait(Math.random() * PAUSE);
        tally.kills++;
        await apps[index].stop('SIGKILL');
        apps[index] = await startApp(t, file, { options });
      }
    };
    const visitors = Array.from({ length: VISITORS }, (_, number) => new Watchful(number, apps, tally));
    const kills = Promise.all([kill(0), kill(1)]).finally(() => { isOver = true; });
    await Promise.all([kills, ...visitors.map(async (visitor) => { while (!isOver) await visitor.act(); })]);
    // What was answered is there at last, in either process.
    for (const app of apps) for (const visitor of visitors) await visitor.check(app);

    const { writes, reads, cut, lost, revived, worst } = tally;
    console.log(`${durability}: ${tally.kills} kills, ${writes} acknowledged writes, ${reads} reads, ${cut} requests cut off, ` +
      `${lost.length} lost, ${revived.length} revived, worst response ${worst.toFixed()} ms`);
    assert.deepEqual({ lost, revived }, { lost: [], revived: [] });
    assert.ok(isLoaded(tally));

    await Promise.all(apps.map((app) => app.stop('SIGKILL')));
    const { stdout, stderr } = await run(process.execPath, ['-e', `
      require(${JSON.stringify(require.resolve('../../session/native/load'))}).diskCheck(process.argv[1])
        .then((found) => { console.log(JSON.stringify(found)); });
    `, file]);
    assert.equal(stdout.trim(), '[]', stderr);
  });
}

/** Whether there was a load of which the result says something. */
function isLoaded({ kills, writes, cut }) {
  return kills >= 5 && writes >= 100 && cut > 0;
}

/** A visitor who knows what the pages may say. */
class Watchful extends Guest {
  /** What a page may say next: several things after a request that was cut off. */
  possible = new Set(['nobody']);
  n = 0;
  /** The cookies of sessions that were logged out. */
  old = [];

  constructor(number, apps, tally) {
    super(apps[0].port);
    Object.assign(this, { number, apps, tally });
  }

  /** Asks one of the processes. Returns undefined if that was killed before it has answered. */
  async see(page, app = this.apps[Math.floor(Math.random() * this.apps.length)]) {
    const start = performance.now();
    try {
      const said = await this.at(app, page);
      this.tally.worst = Math.max(this.tally.worst, performance.now() - start);
      return said;
    } catch (error) {
      if (error.isHang || app.child.exitCode !== null) throw error;
      this.tally.cut++;
      // Until there is a process again.
      await wait(5);
      return undefined;
    }
  }

  /** Does something, and checks what comes of it. */
  async act() {
    const chance = Math.random();
    const isKnown = this.possible.size === 1;
    if (chance < 0.3 || !isKnown) await this.check();
    else if (this.possible.has('nobody')) await this.logIn();
    else if (chance < 0.9) await this.change(`/write?n=${this.n + 1}`, `${this.number} ${++this.n}`);
    else await this.logOut();
    if (chance < 0.05 && this.old.length > 0) await this.checkOld();
  }

  async logIn() {
    // Who is not answered has no cookie, so the session is nobody's.
    this.n = 0;
    this.jar.clear();
    const said = await this.see(`/login?user=${this.number}`);
    if (said === undefined) return;
    this.expect(said, [`${this.number} 0`]);
    this.tally.writes++;
  }

  async logOut() {
    const { header } = this.jar;
    const said = await this.change('/logout', 'bye', 'nobody');
    if (said !== undefined) this.old.push(header);
  }

  /** Sends a request that changes the session: `after` is what pages say then, and `answer` its own. */
  async change(page, answer, after = answer) {
    const before = [...this.possible];
    const said = await this.see(page);
    if (said === undefined) {
      this.possible = new Set([...before, after]);
      return undefined;
    }
    if (said !== answer) this.tally.lost.push({ page, said, before });
    this.possible = new Set([after]);
    this.tally.writes++;
    return said;
  }

  async check(app) {
    const said = await this.see('/', app);
    if (said === undefined) return;
    this.tally.reads++;
    this.expect(said, [...this.possible]);
  }

  expect(said, possible) {
    if (!possible.includes(said)) this.tally.lost.push({ said, possible });
    this.possible = new Set([said]);
  }

  /** No process knows a session that was logged out. */
  async checkOld() {
    const { header } = this.jar;
    this.jar.header = this.old[Math.floor(Math.random() * this.old.length)];
    const said = await this.see('/');
    if (said !== undefined && said !== 'nobody') this.tally.revived.push(said);
    this.jar.header = header;
  }
}
