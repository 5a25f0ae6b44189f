'use strict';

const { setImmediate: turn } = require('node:timers/promises');
const Endings = require('./endings');
const resident = require('./resident');
const Sids = require('./sids');

/** Places for sessions, by sessions: one that has ended keeps its place until another takes it. */
const ROOM = 1.4;

/** Lifetimes as shares of their mean. */
const LIVES = [0.25, 0.5, 1, 2.25];

const FAULTS_TOLD = 20;

/**
 * The users of one store, and what must be in it because of them: the sid of each
 * session, when it ends and the number that was written to it. All of it lies outside the
 * JavaScript heap, which the benchmark watches.
 *
 * The store's answers are compared with that. When a session ends between a call and its
 * answer, both answers are right.
 */
class Crowd {
  /**
   * @param {object} store a MemoryStore of this package
   * @param {number} sessions about as many shall be alive
   * @param {number} life ms that one lasts after it was last stored or touched, on average
   */
  constructor(store, sessions, life) {
    const places = Math.ceil(sessions * ROOM);
    this.store = store;
    this.sessions = sessions;
    this.life = life;
    this.sids = new Sids(places).fill();
    /** ms since the epoch, 0 where there is no session. */
    this.ends = new Float64Array(places);
    /** The last number written, other for each write. */
    this.visits = new Float64Array(places);
    this.endings = new Endings();
    this.hand = 0;
    this.writes = 0;
    /** Calls that have not been answered. */
    this.pending = 0;
    /** `stored` is new ones. `ended` is by the model, to within a tick of Endings. */
    this.counts = { stored: 0, written: 0, touched: 0, destroyed: 0, ended: 0, found: 0, missed: 0, faults: 0 };
    /** The first things that were wrong, in words. */
    this.faults = [];
  }

  /** Sessions that are alive, to within a tick of Endings. */
  alive() {
    const { counts } = this;
    counts.ended += this.endings.pass(Date.now());
    return counts.stored - counts.destroyed - counts.ended;
  }

  /** Sessions that end after a time, counted one by one. */
  aliveAfter(time) {
    let count = 0;
    for (const end of this.ends) if (end > time) count++;
    return count;
  }

  /** All of them come, as if each had been there for a while. */
  async fill() {
    for (let at = 0; at < this.sessions; at++) {
      const { maxAge } = this.lifetime();
      this.enter({ maxAge, ends: Date.now() + Math.ceil(Math.random() * maxAge) });
      if (at % 100 === 0) await turn();
    }
    await this.settle();
  }

  /** Somebody comes, to the next place that is free. */
  enter(life = this.lifetime()) {
    const { length } = this.ends;
    const now = Date.now();
    for (let left = length; left > 0; left--) {
      this.hand = (this.hand + 1) % length;
      if (this.ends[this.hand] > now) continue;
      this.sids.renew(this.hand);
      this.counts.stored++;
      this.put(this.hand, life);
      return;
    }
  }

  /** Somebody comes back, perhaps to a session that has ended. */
  look() {
    const place = Math.floor(Math.random() * this.ends.length);
    if (this.ends[place] > 0) this.ask(place);
  }

  /** Asks for a session, and compares the answer. */
  ask(place) {
    const { [place]: end } = this.ends;
    const { [place]: visits } = this.visits;
    const sid = this.sids.at(place);
    const asked = Date.now();
    this.store.get(sid, this.answer((session) => {
      const now = Date.now();
      this.counts[session ? 'found' : 'missed']++;
      if (session === undefined) {
        if (end > now) this.fault(`${sid} was missing ${end - now} ms before its end`);
      } else if (end <= asked) {
        this.fault(`${sid} was found ${asked - end} ms after its end`);
      } else if (!resident.is(session, place, visits)) {
        this.fault(`${sid} has ${session.user?.id} and ${session.user?.visits}, not ${place} and ${visits}`);
      }
    }));
  }

  write() {
    const place = this.anyone();
    if (place === undefined) return;
    this.counts.written++;
    this.endings.remove(this.ends[place]);
    this.put(place, this.lifetime());
  }

  touch() {
    const place = this.anyone();
    if (place === undefined) return;
    const { [place]: end } = this.ends;
    const sid = this.sids.at(place);
    const life = this.lifetime();
    this.counts.touched++;
    this.store.touch(sid, resident(place, life), this.answer());
    // It ended meanwhile: only the store knows whether before or after it was touched.
    if (Date.now() >= end && this.store.sessions[sid] === undefined) return;
    this.endings.remove(end);
    this.endings.add(life.ends);
    this.ends[place] = life.ends;
  }

  /** Somebody logs out. */
  leave() {
    const place = this.anyone();
    if (place === undefined) return;
    this.counts.destroyed++;
    this.endings.remove(this.ends[place]);
    this.ends[place] = 0;
    this.store.destroy(this.sids.at(place), this.answer());
  }

  put(place, life) {
    this.visits[place] = ++this.writes;
    this.ends[place] = life.ends;
    this.endings.add(life.ends);
    this.store.set(this.sids.at(place), resident(place, life, this.writes), this.answer());
  }

  /** The place of a session that is alive; undefined if none was met. */
  anyone() {
    const now = Date.now();
    for (let tries = 20; tries > 0; tries--) {
      const place = Math.floor(Math.random() * this.ends.length);
      if (this.ends[place] > now) return place;
    }
    return undefined;
  }

  lifetime() {
    const maxAge = Math.round(this.life * LIVES[Math.floor(Math.random() * LIVES.length)]);
    return { maxAge, ends: Date.now() + maxAge };
  }

  /** A callback that is to be called once. */
  answer(use) {
    this.pending++;
    return (error, result) => {
      this.pending--;
      if (error) this.fault(error.message);
      else if (use) use(result);
    };
  }

  /** Waits for all answers. */
  async settle() {
    while (this.pending > 0) await turn();
  }

  fault(text) {
    this.counts.faults++;
    if (this.faults.length < FAULTS_TOLD) this.faults.push(text);
  }
}

module.exports = Crowd;
