'use strict';

/**
 * Gives every MemoryStore of a process the engine of a DiskStore, with a file of its own, and what
 * a MemoryStore has beside that: `sessions`, and the order in which the sessions came. At the end
 * stderr says how many there were. For `node --require`.
 */
const fs = require('node:fs');
const path = require('node:path');
const { setImmediate } = require('node:timers');
const DiskEngine = require('../../session/engine/disk-engine');
const native = require('../../session/native/load');
const { temporaryFolder } = require('../../test-kit/folder');

const file = require.resolve('../../session/engine/memory-engine');
const MemoryEngine = require(file);
const { sessionsObject } = require('../../session/engine/sessions-object');

const { defineSessions } = MemoryEngine.prototype;
/** In ms. A MemoryStore without a ttl keeps sessions for ever. */
const FOR_EVER = 1e14;

const folder = temporaryFolder('disk');
let made = 0;

class InItsPlace extends DiskEngine {
  constructor() {
    super({ path: path.join(folder, `${++made}.db`), ttl: FOR_EVER, touchAfter: 0, checkPeriod: false });
    /** The sids in the order in which they came, without those that were found expired. */
    this.order = new Set();
    this.sessions = sessionsObject(this);
    this.canDefineSessions = true;
  }

  defineSessions(store) { defineSessions.call(this, store); }

  noteChange(outcome, sid) {
    if (sid === undefined) this.order.clear();
    else if (native.storePeek(this.handle, sid) === undefined) this.order.delete(sid);
    else this.order.add(sid);
    return super.noteChange(outcome, sid);
  }

  touch(...args) { return this.renewing('touch', args); }

  renew(...args) { return this.renewing('renew', args); }

  renewing(method, args) {
    const [sid] = args;
    this.read(sid, false);
    const isThere = this.order.has(sid);
    const outcome = super[method](...args);
    if (!isThere) this.order.delete(sid);
    return outcome;
  }

  /** A MemoryStore removes what it finds expired, and a DiskStore when it prunes. */
  read(sid, isUse) {
    const session = super.read(sid, isUse);
    if (session === undefined && this.text(sid)) this.order.delete(sid);
    return session;
  }

  sids() { return [...this.order]; }

  text(sid) { return this.order.has(sid) ? native.storePeek(this.handle, sid) : undefined; }

  setRaw(sid, text) { this.noteChange(native.storeSetRaw(this.handle, sid, text, NaN, NaN), sid); }

  count(callback) {
    const length = this.sids().filter((sid) => this.read(sid, false)).length;
    setImmediate(callback, null, length);
  }
}

require.cache[file].exports = InItsPlace;

const resident = require('../../session/backend/resident').prototype;
const { detailsSid } = resident;
resident.detailsSid = function found() {
  const sid = detailsSid.call(this);
  this.engine.read(sid, false);
  return sid;
};

process.on('exit', () => fs.writeSync(2, `\ndisk engines made: ${made}\n`));
