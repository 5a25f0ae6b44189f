'use strict';

/**
 * What must be seen of a scenario: a small model of the sessions of users, which follows it event by event.
 * Ids are those that were seen; where the package may do one thing or another, the model takes over what was done.
 */

const { handleOf } = require('../../../session/store/users');

/** Where a store without a clock of ours may lag behind, as a part of `idleTimeout`. */
const SEEN_PART = 1 / 10;

/** The data of the program in a session. */
function dataOf(session) {
  const data = JSON.parse(JSON.stringify(session));
  for (const key of ['cookie', '_meta']) delete data[key];
  return data;
}

class Mismatch extends Error {}

function must(condition, text) {
  if (!condition) throw new Mismatch(typeof text === 'function' ? text() : text);
}

const json = JSON.stringify;
const clone = (data) => JSON.parse(json(data));
const sorted = (data) => json(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));

class Model {
  /**
   * @param {object} options of the scenario
   * @param {object} kind of stores.js
   * @param {(sid: string) => string} keyOf what the store has for a sid
   */
  constructor(options, kind, keyOf) {
    Object.assign(this, { options, kind, keyOf });
    /** The sessions that live in the store, by sid. */
    this.records = new Map();
    /** Those that the store has expired. A request that has loaded one may store it again, or not. */
    this.limbo = new Map();
    /** Where the old ids of sessions lead. */
    this.pointers = new Map();
    this.requests = new Map();
    this.sids = new Set();
  }

  /** Lets an event happen, of which this was seen. */
  take(event, seen, now) {
    Object.assign(this, { now, seen });
    for (const [sid, record] of this.records) {
      if (record.expires !== undefined && !this.kind.isLive(record.expires, now)) {
        this.records.delete(sid);
        this.limbo.set(sid, record);
      }
    }
    if (event.do === 'begin') this.begin(event);
    else if (event.do === 'end') this.end(event);
    else for (const [primitive, result] of seen.acts) this.act(this.requests.get(event.request), primitive, result);
    this.compare();
  }

  /** Whether the store has a session now. */
  isThere(sid) {
    return this.seen.records.has(this.keyOf(sid));
  }

  /** When the stored cookie of a session expires, in ms since the epoch. */
  storedExpires(sid) {
    const expires = this.seen.records.get(this.keyOf(sid))?.cookie.expires;
    return expires ? Date.parse(expires) : undefined;
  }

  /** The store must have the sessions that the model has, and no others. */
  compare() {
    const { records } = this.seen;
    const known = new Set();
    for (const [sid, record] of this.records) {
      const key = this.keyOf(sid);
      known.add(key);
      const stored = records.get(key);
      if (!stored && record.mayBeGone) {
        this.records.delete(sid);
        continue;
      }
      must(stored, () => `the session ${sid} of ${record.user} is gone`);
      const { _meta: meta } = stored;
      const data = dataOf(stored);
      must(sorted(data) === sorted(record.data), () => `the session ${sid} has ${json(data)}, not ${json(record.data)}`);
      must(meta.user === record.user, () => `the session ${sid} is ${meta.user}'s, not ${record.user}'s`);
      must(record.created.has(meta.created), () => `the session ${sid} has begun at ${meta.created}, not at ${[...record.created]}`);
      record.created = new Set([meta.created]);
    }
    for (const key of records.keys()) {
      must(known.has(key), () => `the store has a session that has ended: ${key} ${json(records.get(key))}`);
    }
  }

  /** What `sessionsOf` has answered must be what the model has. */
  compareList(user, list, current) {
    const isShown = (sid) => list.some(({ handle }) => handle === handleOf(this.keyOf(sid)));
    // As far as the store knows, a session whose id was renewed was used then.
    const isOver = (sid, record) => this.hasEnded({ ...record, usedHigh: Math.max(record.usedHigh, record.renewed) }, !isShown(sid));
    const expected = [...this.records].filter(([sid, record]) => record.user === user && !isOver(sid, record))
      .map(([sid, { created: [created] }]) => ({ handle: handleOf(this.keyOf(sid)), created, current: sid === current }));
    const byHandle = (a, b) => (a.handle < b.handle ? -1 : 1);
    const found = list.map(({ handle, created, current: isCurrent }) => ({ handle, created, current: isCurrent }));
    must(json([...found].sort(byHandle)) === json(expected.sort(byHandle)), () => `sessionsOf ${user} gives ${json(found)}, not ${json(expected)}`);
    must(list.every(({ created }, i) => i === 0 || created <= list[i - 1].created), () => `sessionsOf ${user} is not in order: ${json(found)}`);
    must(list.every(({ created, lastSeen }) => lastSeen >= created && lastSeen <= this.now), () => `sessionsOf ${user}: wrong lastSeen ${json(list)}`);
  }

  /** A request has named its session to the store, and knows its new id then. */
  learn(r) {
    const id = this.follow(r.sid);
    const record = this.records.get(id);
    if (!this.mayBeRenewed(r) || record === undefined) return;
    if (this.hasEnded(record, false)) this.records.delete(id);
    else if (this.mayHaveEnded(record)) record.mayBeGone = true;
    if (id === r.sid) return;
    this.rename(r, id);
    r.known.set(id, { created: [...record.created][0], renewed: record.renewed, user: record.user });
  }

  /** The sid that the session has now, as a request with this one finds it. */
  follow(sid) {
    let id = sid;
    while (this.pointers.has(id)) {
      const { next, until } = this.pointers.get(id);
      if (this.now >= until) return undefined;
      id = next;
    }
    return id;
  }

  /**
   * Gets a session for a request as `load` does.
   * @param {string} sid
   * @param {{ error?: string }} [result] what has come of it, if it was not put on a request
   */
  load(sid, result) {
    const id = this.follow(sid);
    const record = this.records.get(id);
    const isGone = result ? result.error !== undefined : !this.isThere(id) && !this.isThere(this.seen.sid);
    if (record === undefined || this.hasEnded(record, isGone)) {
      this.records.delete(id);
      return undefined;
    }
    return { id, record };
  }

  /** Whether a session has ended; `isGone` if that is not known. */
  hasEnded({ created, usedLow, usedHigh }, isGone) {
    const { idleTimeout = Infinity, absoluteTimeout = Infinity } = this.options;
    const slack = idleTimeout * SEEN_PART;
    if (this.now - [...created][0] >= absoluteTimeout || this.now - usedHigh >= idleTimeout) return true;
    if (this.now - usedLow < idleTimeout - (idleTimeout < Infinity ? slack : 0)) return false;
    return isGone;
  }

  begin({ request, device, method, looks }) {
    const { seen, now, options: { renewAfter = Infinity, renewGrace, cookie: { maxAge } } } = this;
    must(seen.errors.length === 0, () => `next got ${seen.errors}`);
    const r = { device, brought: seen.brought, known: new Map(), stored: new Set(), destroyed: new Set(), session: 'there' };
    this.requests.set(request, r);
    const found = seen.brought && this.load(seen.brought);
    if (found) {
      const { id, record } = found;
      r.sid = id;
      if (id === seen.brought && method === 'GET' && now - record.renewed >= renewAfter) {
        r.sid = this.fresh(seen.sid, 'renewed');
        this.records.delete(id);
        // It gets the cookie that was stored, or a living one.
        const isOver = record.cookieExpires !== undefined && record.cookieExpires <= now;
        const expires = isOver ? now + maxAge : record.cookieExpires;
        this.records.set(r.sid, { ...record, renewed: now, isUnseen: true, wasRenewed: true, cookieExpires: expires, expires });
        this.pointers.set(id, { next: r.sid, until: now + renewGrace });
      } else if (id === seen.brought) {
        record.isUnseen = false;
      }
      must(seen.sid === r.sid, () => `the request has the session ${seen.sid}, not ${r.sid}`);
      if (seen.brought !== r.sid) r.cookieId = r.sid;
      this.adopt(r, this.records.get(r.sid));
      r.original = { sid: r.sid, text: json(r.data) };
      r.saved = this.options.resave ? undefined : json(r.data);
      r.mustTell = seen.brought !== r.sid && this.records.get(r.sid).isUnseen;
    } else {
      r.sid = this.fresh(seen.sid, 'new');
      Object.assign(r, { data: {}, cookieExpires: maxAge && now + maxAge });
      r.original = { sid: r.sid, text: '{}' };
    }
    r.cookieId ??= seen.brought;
    if (looks) must(sorted(seen.data) === sorted(r.data), () => `request ${request} of device ${device} has ${json(seen.data)}, not ${json(r.data)}`);
  }

  /** Notes an id that no session may have had before. */
  fresh(sid, what) {
    must(sid && !this.sids.has(sid), () => `the id of the ${what} session is not new`);
    this.sids.add(sid);
    return sid;
  }

  /** Lets a request have the stored session. */
  adopt(r, record) {
    const { data, user, created: [created], renewed, cookieExpires } = record;
    r.data = clone(data);
    r.base = clone(data);
    r.cookieExpires = cookieExpires;
    r.known.set(r.sid, { created, renewed, user });
    r.loaded = r.sid;
  }

  act(r, { op, ...step }, result) {
    if (op === 'set') r.data[step.key] = step.value;
    else if (op === 'delete') delete r.data[step.key];
    else if (op === 'save') {
      const mayBeStored = this.limbo.has(this.follow(r.sid));
      const error = this.save(r, result);
      if (!mayBeStored) this.expect(result, error);
    } else if (op === 'reload') this.reload(r, result);
    else if (op === 'destroy' || op === 'regenerate') {
      this.expect(result, undefined);
      this.destroy(r);
      if (op === 'destroy') r.session = 'destroyed';
      else this.startAnew(r, result.sid);
    } else if (op === 'unset') r.session = 'unset';
    else if (op === 'keep') this.keep(r, step.keep, result);
    else if (op === 'head') this.head(r);
    else if (op === 'end one') this.endOne(result);
    else if (op === 'end all') this.endAll(result, step.isExcepted ? r : undefined);
    else must(false, () => `no step ${op}`);
  }

  expect({ error }, expected) {
    must(error === expected, () => `got ${error ?? 'no error'}, not ${expected ?? 'none'}`);
  }

  startAnew(r, sid) {
    const { maxAge } = this.options.cookie;
    r.sid = this.fresh(sid, 'regenerated');
    Object.assign(r, { data: {}, base: undefined, cookieExpires: maxAge && this.now + maxAge });
  }

  /** Whether another request may have renewed the id, as far as the request knows. */
  mayBeRenewed(r) {
    const known = r.known.get(r.sid);
    return known !== undefined && this.now - known.renewed >= (this.options.renewAfter ?? Infinity);
  }

  /** Whether the store has the session of a request unless another one has ended it. */
  wasStored(r) {
    return (r.loaded === r.sid || r.stored.has(r.sid)) && !r.destroyed.has(r.sid);
  }

  rename(r, id) {
    if (r.cookieId === r.sid) r.cookieId = id;
    if (r.original.sid === r.sid) r.original.sid = id;
    if (r.loaded === r.sid) r.loaded = id;
    if (r.stored.has(r.sid)) r.stored.add(id);
    r.sid = id;
  }

  /**
   * Stores the session of a request.
   * @param {object} r
   * @param {{ error?: string }} [result] what came of it, if the program has asked for it
   * @returns {string | undefined} the code of the error
   */
  save(r, result) {
    const ended = result && 'ERR_SESSION_ENDED';
    if (!this.wasStored(r)) {
      this.write(r);
      return undefined;
    }
    const id = this.follow(r.sid);
    const isOver = this.revive(id);
    let record = this.records.get(id);
    const isRead = this.mayBeRenewed(r) || (record && this.options.merge && r.base && (this.kind.hasVersions || sorted(r.base) !== sorted(record.data)));
    if (record && isRead && !isOver && this.mayHaveEnded(record) && (result ? result.error === ended : !this.isThere(id))) {
      this.records.delete(id);
      record = undefined;
    }
    if (!record) {
      r.saved = json(r.data);
      return ended;
    }
    if (id !== r.sid) this.rename(r, id);
    if (!r.known.has(id)) r.known.set(id, { created: [...record.created][0], renewed: record.renewed, user: record.user });
    if (this.options.merge && r.base) r.data = merged(r.base, r.data, record.data);
    this.write(r, isOver);
    return undefined;
  }

  /** Takes over that a store has kept a session which had expired meanwhile; whether it has. */
  revive(id) {
    if (!this.limbo.has(id) || !this.isThere(id)) return false;
    this.records.set(id, this.limbo.get(id));
    return this.limbo.delete(id);
  }

  mayHaveEnded({ created, usedLow }) {
    const { idleTimeout = Infinity, absoluteTimeout = Infinity } = this.options;
    return this.now - usedLow >= idleTimeout * (1 - SEEN_PART) || this.now - Math.min(...created) >= absoluteTimeout;
  }

  /**
   * @param {object} r
   * @param {boolean} [wasOver] whether the session had expired
   */
  write(r, wasOver) {
    const { now, options: { maxSessions = Infinity } } = this;
    const { user } = r.data;
    const before = this.records.get(r.sid);
    const known = r.known.get(r.sid);
    const renewed = known?.renewed ?? now;
    const begun = (of) => (of === undefined || (user !== undefined && of.user !== user) ? now : of.created);
    const created = new Set([begun(known)]);
    if (before && known) created.add(begun({ user: before.user, created: [...before.created][0] }));
    // A save that came too late has begun it, or this one.
    if (wasOver) created.add(this.seen.records.get(this.keyOf(r.sid))._meta.created);
    const gains = user !== undefined && (before ? before.user !== user : begun(known) >= renewed);
    const isOver = r.cookieExpires !== undefined && !this.kind.isLive(r.cookieExpires, now);
    if (isOver) this.records.delete(r.sid);
    (isOver ? this.limbo : this.records).set(r.sid, {
      data: clone(r.data), user, created, renewed, isUnseen: before?.isUnseen ?? false,
      cookieExpires: r.cookieExpires, expires: r.cookieExpires,
      usedLow: this.usedLow(r, before), usedHigh: now, wasRenewed: before?.wasRenewed,
    });
    this.sids.add(r.sid);
    r.stored.add(r.sid);
    r.known.set(r.sid, { created: [...created][0], renewed, user });
    r.base = clone(r.data);
    r.saved = json(r.data);
    if (gains || wasOver || isOver) this.limit(user, r.sid, maxSessions, wasOver || isOver);
  }

  /** Ends the oldest sessions of a user. Of those that have begun at the same time, any. */
  limit(user, sid, most, wasOver) {
    const others = [...this.records].filter(([id, record]) => id !== sid && record.user === user);
    // One that has expired may end others, or not.
    if (wasOver) {
      for (const [id] of most < Infinity ? others : []) if (!this.isThere(id)) this.records.delete(id);
      return;
    }
    others.sort(([a, { created: [first] }], [b, { created: [second] }]) => first - second || this.isThere(a) - this.isThere(b));
    for (const [id] of others.slice(0, Math.max(0, others.length + 1 - most))) this.records.delete(id);
  }

  reload(r, result) {
    const found = this.load(r.sid, result);
    if (!found) {
      must(result.error !== undefined, 'reload of a session that is gone has no error');
      return;
    }
    this.expect(result, undefined);
    if (found.id !== r.sid) this.rename(r, found.id);
    this.adopt(r, found.record);
  }

  destroy(r) {
    const pointer = this.mayBeRenewed(r) ? this.pointers.get(r.sid) : undefined;
    if (pointer && this.now < pointer.until) this.records.delete(pointer.next);
    this.records.delete(r.sid);
    this.pointers.delete(r.sid);
    this.limbo.delete(r.sid);
    r.destroyed.add(r.sid);
  }

  keep(r, keep, result) {
    const { now, options: { merge, cookie: { maxAge } } } = this;
    if (this.wasStored(r)) {
      const found = this.load(r.sid, result);
      if (!found) {
        this.expect(result, 'ERR_SESSION_ENDED');
        // The new session was stored, and may have ended others of its user.
        const isKept = keep === true || keep.includes('user');
        if (this.options.maxSessions && isKept && r.data.user) this.limit(r.data.user, undefined, 0, true);
        return;
      }
      if (merge && r.base) {
        r.data = merged(r.base, r.data, found.record.data);
        r.base = clone(found.record.data);
      }
      if (merge) r.known.set(r.sid, { created: [...found.record.created][0], renewed: found.record.renewed, user: found.record.user });
    }
    this.expect(result, undefined);
    const kept = Object.entries(r.data).filter(([key]) => keep === true || keep.includes(key));
    const old = { ...r, sid: r.sid };
    const known = r.known.get(r.sid);
    r.sid = this.fresh(result.sid, 'regenerated');
    r.data = Object.fromEntries(kept);
    r.cookieExpires = maxAge && now + maxAge;
    if (known) r.known.set(r.sid, { ...known, created: Math.min(known.created, now - 1), renewed: now });
    const others = this.records.get(this.follow(old.sid))?.created ?? [];
    this.write(r);
    for (const created of others) this.records.get(r.sid)?.created.add(Math.min(created, now - 1));
    r.replaced = r.sid;
    const id = this.follow(old.sid);
    this.destroy(Object.assign(old, { sid: id ?? old.sid }));
    this.pointers.delete(r.original.sid);
    r.destroyed.add(old.sid);
  }

  endOne({ user, handle, count }) {
    const sid = [...this.records.keys()].find((id) => handleOf(this.keyOf(id)) === handle && this.records.get(id).user === user);
    must(count === (sid === undefined ? 0 : 1), () => `end has ended ${count}`);
    this.records.delete(sid);
  }

  endAll({ user, count }, except) {
    if (except) this.learn(except);
    const kept = except?.sid;
    const theirs = [...this.records].filter(([sid, record]) => record.user === user && sid !== kept);
    must(count === theirs.length, () => `endAll has ended ${count} sessions of ${user}, not ${theirs.length}`);
    for (const [sid] of theirs) this.records.delete(sid);
  }

  /** What the end of the response does: 'save', 'touch', 'destroy' or undefined. */
  decide(r) {
    const { unset, saveUninitialized } = this.options;
    if (r.session !== 'there') return unset === 'destroy' ? 'destroy' : undefined;
    const text = json(r.data);
    const isNew = r.cookieId !== r.sid;
    const isModified = r.sid === r.original.sid ? text !== r.original.text : r.replaced !== r.sid || text !== r.saved;
    const isSaved = text === r.saved && (r.sid === r.original.sid || r.replaced === r.sid);
    if (isNew && !saveUninitialized && r.saved === undefined ? isModified : !isSaved) return 'save';
    return isNew ? undefined : 'touch';
  }

  /** The response starts the lifetime of the cookie once: when the cookie is set, or at its end. */
  startLifetime(r) {
    const { maxAge } = this.options.cookie;
    if (maxAge && !r.isTouched) r.cookieExpires = this.now + maxAge;
    r.isTouched = true;
  }

  setsCookie(r) {
    const { cookie: { maxAge }, rolling, saveUninitialized } = this.options;
    if (r.session !== 'there') return false;
    const isModified = r.sid !== r.original.sid || json(r.data) !== r.original.text;
    if (r.cookieId !== r.sid) return saveUninitialized || isModified;
    return r.mustTell || rolling || (maxAge && isModified);
  }

  /** When the session was used at least, if the request is noted in it. */
  usedLow(r, record) {
    // A request with the old id says of the session that it was seen before it got the new one.
    return record?.wasRenewed && r.brought !== r.sid ? record.renewed - 1 : this.now;
  }

  /** With `commit: 'headers'`, a session is saved or destroyed before they are sent. */
  head(r) {
    if (r.hasHead) return;
    r.hasHead = true;
    const setsCookie = this.setsCookie(r);
    const done = this.options.commit === 'headers' ? this.decide(r) : undefined;
    if (setsCookie) this.startLifetime(r);
    if (done !== 'save' && done !== 'destroy') return;
    r.early = done;
    if (done === 'destroy') {
      this.destroy(r);
      return;
    }
    this.startLifetime(r);
    this.save(r);
    if (r.sid !== r.original.sid) r.replaced = r.sid;
    r.saved = json(r.data);
  }

  end({ request, isLost }) {
    const { seen, now } = this;
    const r = this.requests.get(request);
    this.requests.delete(request);
    must(seen.errors.length === 0, () => `next got ${seen.errors}`);
    const done = this.decide(r);
    if (r.early === 'destroy' || (r.early && done === 'touch')) return;
    if (done === 'save') {
      this.startLifetime(r);
      this.save(r);
    } else if (done === 'destroy') {
      if (r.session === 'unset') this.destroy(r);
    } else {
      const id = this.follow(r.sid);
      if (done === 'touch') this.revive(id);
      const record = this.records.get(id);
      if (record && this.mayHaveEnded(record) && !this.isThere(id)) {
        this.records.delete(id);
      } else if (record && done === 'touch') {
        this.startLifetime(r);
        Object.assign(record, { usedHigh: now, usedLow: this.usedLow(r, record), expires: r.cookieExpires });
        // With a use that is noted, every store gets the cookie.
        if (this.kind.touchesCookie || this.storedExpires(id) === r.cookieExpires) record.cookieExpires = r.cookieExpires;
      }
    }
    const isStored = r.session === 'there' && this.records.has(r.sid) && this.wasStored(r);
    const isTold = r.sid !== r.original.sid || (r.cookieId === r.sid ? r.mustTell : json(r.data) !== r.original.text);
    if (isLost || r.hasHead || !isStored || !isTold || r.sid === r.brought) return;
    must(this.follow(seen.sid) === r.sid, () => `the browser of request ${request} gets ${seen.sid}, not the id of its session ${r.sid}`);
  }
}

module.exports = { Model, Mismatch, dataOf };

/** Merges the changes of a request into what another has stored: the later one wins. */
function merged(base, mine, theirs) {
  const data = { ...theirs };
  for (const key of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    if (json(base[key]) === json(mine[key])) continue;
    if (key in mine) data[key] = mine[key];
    else delete data[key];
  }
  return data;
}
