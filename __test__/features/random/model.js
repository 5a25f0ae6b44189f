'use strict';

/**
 * Says what must be seen of a scenario: the contract of the options and methods that this package
 * adds, and of what they leave alone, once more and in few words. Nothing of the product is used
 * here, and nothing takes time: a store answers by returning or throwing.
 */

const { STATUS_CODES } = require('node:http');
const { isDeepStrictEqual } = require('node:util');

const START = Date.UTC(2030, 0, 1);
const TICK = 1000;
const CACHE_CONTROLS = { private: 'private, no-cache="Set-Cookie"', 'no-store': 'no-store' };
const REFUSED = 'JSON refused';

/** What the option `merge` decides for a key that both have changed: undefined for its deletion. */
const DECISIONS = {
  true: (key, base, mine) => mine,
  'all three': (key, base = null, mine = null, theirs = null) => ({ base, mine, theirs }),
  'only cart'(key, base, mine, theirs) {
    if (key !== 'cart') throw new Error(`cannot merge ${key}`);
    return theirs ?? null;
  },
};

const copy = (value) => JSON.parse(JSON.stringify(value));

/** How many pointers are followed one after the other. */
const LONGEST_CHAIN = 3;
/** A renewal by another machine, whose clock is ahead, may come so much earlier. */
const LARGEST_SKEW = 5000;
const SKEW_PART = 1 / 10;

const isTime = (value, now) => typeof value === 'number' && value >= 0 && value <= now;
const isPlain = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** What this package keeps beside the times. */
const isKept = (name, value) => ['version', 'ip', 'agent'].includes(name) && ['string', 'number'].includes(typeof value);
const shown = ({ created, renewed, seen, rest }) => ({ created, renewed, seen, ...rest });

/** What one scenario has beside its requests: the store, the visitor's cookie, and the time. */
class World {
  constructor(scenario) {
    this.scenario = scenario;
    this.now = START;
    this.records = new Map();
    this.counts = {};
    this.jar = undefined;
    /** The id that the visitor had before that. */
    this.older = undefined;
    this.ids = 0;
    /** Whether the calls of the store are not foretold, but what comes of them: an id is renewed, or may have been. */
    this.leavesCallsOpen = false;
    /** When this process has touched each session last. */
    this.touched = new Map();
  }

  /** The visitor gets a cookie, or loses it. */
  setJar(id) {
    if (id !== this.jar && this.jar !== undefined) this.older = this.jar;
    this.jar = id;
  }

  isLive(record) {
    return record !== undefined && !(record.cookie.expires !== null && record.cookie.expires <= this.now);
  }

  /** A program, or an older version, has written another `_meta` into the record of the visitor's session. */
  writeMeta(written) {
    const record = this.records.get(this.jar);
    if (this.isLive(record) && !record.next) Object.assign(record, { meta: metaWritten(written, this.now), isForeign: true });
  }

  makeId() {
    this.ids += 1;
    return `model-${String(this.ids).padStart(26, '0')}`;
  }
}

/** One request: the session it has, what is known of that, and what is seen of the request. */
class Visit {
  constructor(world, request) {
    this.world = world;
    this.request = request;
    this.options = world.scenario.options;
    const { kind, compares } = world.scenario.store;
    this.isResident = kind === 'resident';
    this.isOurs = kind === 'resident' || kind === 'wrapped';
    this.isAtomic = compares || this.isOurs;
    const { idleTimeout, absoluteTimeout, renewAfter } = this.options;
    this.hasTimes = [idleTimeout, absoluteTimeout, renewAfter].some((time) => time !== undefined);
    /** What `_meta` says of each session, by sid. */
    this.metas = new Map();
    /** Whether the response tells the new id of a session that was renewed; undefined if that is not the question. */
    this.tellsId = undefined;
    /** Whether `_meta` must say that no request has brought the new id. */
    this.keepsUnseen = false;
    /** Whether our own store gives the session without parsing it, so that nobody has looked at it yet. */
    this.sleeps = this.isResident;
    this.events = [];
    this.calls = [];
    /** @type {Visit | undefined} The request during which this one comes. */
    this.parent = undefined;
    /** With the option `merge`: the JSON of the stored data on which a session is based, by the session and by its sid. */
    this.bases = new Map();
    /** What has happened that nobody sees, for outcomes.js. */
    this.notes = [];
    this.headers = {};
    this.hints = 0;
    /** What the program has put on the response, which is not sent yet. */
    this.statusCode = 200;
    /** The session: undefined after `destroy`, null if the program says so. */
    this.session = undefined;
    this.sessionID = undefined;
    this.hasMiddleware = false;
    this.isLookedAt = false;
    this.loadedId = undefined;
    /** What the store is known to have: the JSON of the data. Undefined: nothing, or that does not matter (`resave`). */
    this.stored = undefined;
    this.storedIds = new Set();
    this.destroyedIds = new Set();
    this.endedElsewhere = new Set();
    this.keepsExpiry = false;
    /** The stored cookie, until the session must be touched in any case. */
    this.storedCookie = undefined;
    this.isDestroyed = false;
    this.hasStray = false;
    this.isTouched = false;
    /** Whether the session is left alone, because an error page is sent in place of its response. */
    this.hasFailed = false;
    this.settledEarly = undefined;
  }

  // The store.

  call(method, sid, session, base) {
    const { world: { records, counts, scenario: { store } } } = this;
    if (!this.isResident) this.calls.push([method, sid]);
    counts[method] = (counts[method] ?? 0) + 1;
    if (store.failures.some((failure) => failure.method === method && failure.call === counts[method])) throw new Error('down');
    const record = records.get(sid);
    const isThere = this.world.isLive(record) || Boolean(store.isLazy && !this.isOurs && record?.next);
    // What has expired is removed when it is looked for, and comes last if it is stored again.
    if (method === 'get' && this.isResident && !isThere) records.delete(sid);
    if (method === 'get') return isThere ? copy(record) : undefined;
    if (method === 'setIfUnchanged') {
      // A pointer is no session without data.
      if (!isThere || record.next || !isDeepStrictEqual(record.data, JSON.parse(base))) return false;
    }
    if (method === 'set' || method === 'setIfUnchanged') {
      const { data, cookie, meta, next } = session;
      records.set(sid, copy({ data, cookie, meta, next }));
    }
    if (method === 'destroy') {
      records.delete(sid);
      this.parent?.endedElsewhere.add(sid);
    }
    if (method === 'touch' && isThere) record.cookie = copy(session.cookie);
    return method === 'setIfUnchanged' ? true : undefined;
  }

  // The beginning.

  open() {
    const { options, request: { path }, world } = this;
    if (options.skip && path === '/app/static') return;
    if (options.skip && path === '/app/throws') throw new Error('skip failed');
    if (!path.startsWith(options.cookie.path ?? '/')) return;
    this.hasMiddleware = true;
    this.cookieId = this.sessionID = this.broughtId();
    // Whether our own store looks at what others have written before that has expired, nobody promises.
    const kept = world.records.get(this.cookieId);
    if (this.isResident && kept?.isForeign && !world.isLive(kept)) world.leavesHeadersOpen = true;
    const record = this.cookieId && this.load(this.cookieId, true);
    if (record) {
      this.session = { isFollowed: true, ...record };
      this.loadedId = record.id;
      if (this.mustRenew(record)) this.renew();
      this.noteBase(this.session);
      this.storedCookie = copy(record.cookie);
      if (!options.resave) this.stored = JSON.stringify(record.data);
    } else {
      world.touched.delete(this.cookieId);
      this.session = { ...this.generate(), isFollowed: true };
      this.sessionID = this.session.id;
    }
    this.originalId = this.sessionID;
    this.originalText = JSON.stringify(this.session.data);
    this.firstCookie = copy(this.session.cookie);
  }

  /** The sid of the cookie, if its signature is right. */
  broughtId() {
    const { request: { cookie }, world } = this;
    if (cookie === 'unknown') return 'u'.repeat(32);
    if (cookie === 'older') return world.older;
    return cookie === 'jar' || cookie === 'old key' ? world.jar : undefined;
  }

  // Time.

  /**
   * Reads a session for this request, which gets the new id with it if it has one.
   *
   * @param {string} sid
   * @param {boolean} [isOpening] whether the request has come with this id just now
   */
  load(sid, isOpening = false) {
    const { sleeps } = this;
    const found = this.find(sid, LONGEST_CHAIN);
    if (!isOpening) this.sleeps = sleeps;
    if (!found || found.id === sid) return found;
    this.rename(sid, found.id);
    if (isOpening) {
      const { renewed, seen } = this.metas.get(found.id);
      this.tellsId = this.keepsUnseen = seen < renewed;
      this.notes.push(this.tellsId ? 'old id: told' : 'old id: not told');
    } else {
      this.notes.push('late through a pointer');
    }
    return found;
  }

  find(sid, chain) {
    if (this.world.records.get(sid)?.next?.until <= this.world.now) this.notes.push('old id after the grace');
    const record = this.call('get', sid);
    if (!record || !this.hasTimes) return record && { ...record, id: sid };
    const { now } = this.world;
    if (record.next) {
      this.sleeps = false;
      this.world.leavesCallsOpen = true;
      return chain > 0 && record.next.to && now < record.next.until ? this.find(record.next.to, chain - 1) : undefined;
    }
    const meta = this.readMeta(record);
    const isIdle = now - meta.used >= this.options.idleTimeout;
    if (isIdle || now - meta.created >= this.options.absoluteTimeout) {
      this.notes.push(isIdle ? 'ended: idle' : 'ended: absolute');
      this.sleeps = false;
      try {
        this.call('destroy', sid);
        this.endedElsewhere.add(sid);
      } catch { /* It has ended all the same. */ }
      return undefined;
    }
    this.metas.set(sid, meta);
    return { ...record, id: sid };
  }

  /** What counts of `_meta` as it is stored. What is no time, or is in the future, is now. */
  readMeta({ meta, cookie: { expires, originalMaxAge } }) {
    const { now } = this.world;
    const { created, renewed, seen, ...others } = isPlain(meta) ? meta : {};
    const rest = Object.fromEntries(Object.entries(others).filter(([name, value]) => isKept(name, value)));
    const isCreated = isTime(created, now);
    const isCanonical = isDeepStrictEqual(Object.keys(meta ?? {}), ['created', 'renewed', 'seen']) && Object.values(meta).every((time) => isTime(time, now));
    if (!isCanonical) this.sleeps = false;
    if (!isCreated) return { created: now, renewed: now, seen: now, used: now, rest };
    const [wasRenewed, lastSeen] = [renewed, seen].map((time) => (isTime(time, now) ? time : now));
    // That the new id was not seen stays known, whatever the clock says.
    const wasSeen = seen < renewed ? Math.min(lastSeen, wasRenewed - 1) : lastSeen;
    const begin = expires === null || originalMaxAge === null ? NaN : expires - originalMaxAge;
    const hasLifetime = begin <= now;
    return {
      created, renewed: wasRenewed, seen: wasSeen, used: hasLifetime ? Math.max(begin, wasSeen) : wasSeen, hasLifetime,
      isKnown: isTime(renewed, now) && isTime(seen, now), rest,
    };
  }

  /** Gives a session the `_meta` with which it is stored now. */
  stamp(session) {
    if (!this.hasTimes) return;
    const { now } = this.world;
    const { metas, keepsExpiry } = this;
    const known = metas.get(session.id) ?? { created: now, renewed: now, seen: now, used: now };
    let seen = keepsExpiry ? known.seen : now;
    if (this.keepsUnseen && session.id === this.loadedId) seen = Math.min(seen, known.renewed - 1);
    const meta = { ...known, seen, used: Math.max(seen, known.used), isKnown: true };
    metas.set(session.id, meta);
    session.meta = shown(meta);
  }

  /** Whether a session that is not saved otherwise must be stored, so that `_meta` says when it was used. */
  isDue() {
    const { cookieId, loadedId, sessionID, metas, options: { idleTimeout = Infinity, touchAfter = 0 }, world: { now } } = this;
    if (!this.hasTimes || !this.session || sessionID !== loadedId || cookieId !== loadedId || !this.wasStored(loadedId)) return false;
    const meta = metas.get(loadedId);
    if (!meta.isKnown) return true;
    if (this.keepsExpiry) return false;
    const saidByTouches = this.isOurs && meta.hasLifetime;
    const after = saidByTouches ? idleTimeout / 2 : Math.max(touchAfter, idleTimeout / (this.isOurs ? 100 : 10));
    const isDue = (meta.seen < meta.renewed && !this.keepsUnseen) || now - meta.used >= after;
    if (!isDue && now > meta.seen) this.notes.push('seen not due');
    return isDue;
  }

  /** Stores a session whose data have not changed. If others have changed them, the use is noted in theirs. */
  storeUse(session, decision) {
    const { sessionID: sid } = this;
    this.notes.push(this.metas.get(sid).isKnown ? 'seen' : 'stamped');
    // It is no save, for which `commit: 'headers'` would wait.
    this.world.leavesFirstByteOpen = true;
    this.noteTouched(sid, session.cookie);
    if (this.isAtomic) this.stamp(session);
    if (!this.isAtomic || !this.putIfUnchanged(session, JSON.stringify(session.data))) this.finishLate(session, decision);
  }

  /** Reads a session once more before it is touched, or its use is noted. */
  finishLate(session, decision) {
    const { sessionID: sid } = this;
    const found = this.load(sid);
    if (!found) return;
    if (found.id === sid ? this.isDue() : this.keepsUnseen) {
      const record = { ...found, cookie: session.cookie };
      this.stamp(record);
      if (this.isAtomic) this.putIfUnchanged(record, JSON.stringify(found.data));
      else this.call('set', found.id, record);
    } else if (decision.endsWith('touch')) {
      this.call('touch', found.id, session);
    }
  }

  mustRenew({ id, cookie }) {
    const { request: { method, https, upgrade }, options: { renewAfter }, world: { now } } = this;
    if (renewAfter === undefined || this.tellsId !== undefined || now - this.metas.get(id).renewed < renewAfter) return false;
    if (method === 'POST' || upgrade) {
      this.notes.push('not renewed');
      return false;
    }
    this.sleeps = false;
    // Without its cookie, the browser would lose the session.
    return !(cookie.secure && !https);
  }

  /** The session gets a new id, and a pointer takes the place of its old record. */
  renew() {
    const { world, world: { now }, session, options: { renewGrace } } = this;
    const { id: oldId } = session;
    world.leavesCallsOpen = true;
    this.notes.push('renewed');
    // By itself, a new id is no use of the session.
    const before = this.metas.get(oldId);
    const meta = { ...before, renewed: now, seen: Math.min(before.used, now - 1), isKnown: true };
    const id = world.makeId();
    world.records.set(id, copy({ data: session.data, cookie: session.cookie, meta: shown(meta) }));
    const cookie = { originalMaxAge: renewGrace, expires: now + renewGrace, httpOnly: true, path: '/' };
    world.records.set(oldId, { data: {}, cookie, next: { to: id, until: now + renewGrace } });
    this.metas.set(id, meta);
    this.rename(oldId, id);
    this.tellsId = this.keepsUnseen = true;
  }

  /** The session of this request has a new id. */
  rename(oldId, id) {
    for (const name of ['sessionID', 'cookieId', 'originalId', 'loadedId']) if (this[name] === oldId) this[name] = id;
    if (this.storedIds.delete(oldId)) this.storedIds.add(id);
    if (this.bases.has(oldId)) this.bases.set(id, this.bases.get(oldId));
    if (this.session?.id === oldId) this.session.id = id;
    // The browser has the old id once more, or does not have the new one yet.
    const { renewed, seen } = this.metas.get(id);
    if (this.toldId === oldId || seen < renewed) this.keepsUnseen = true;
  }

  /** Whether another request may have renewed the id. */
  mayBeRenewed(id) {
    const { renewAfter } = this.options;
    const isOld = renewAfter !== undefined && this.metas.has(id) &&
      this.world.now - this.metas.get(id).renewed >= renewAfter - Math.min(LARGEST_SKEW, renewAfter * SKEW_PART);
    if (isOld) this.world.leavesCallsOpen = true;
    return isOld;
  }

  /** Ends a session, also under the id that another request has given it. */
  endStored(id) {
    if (this.mayBeRenewed(id)) {
      const next = this.call('get', id)?.next;
      if (next?.to && this.world.now < next.until) {
        this.call('destroy', next.to);
        this.notes.push('late destroy');
      }
    }
    this.call('destroy', id);
  }

  /** The end of the response touches a session that may have a new id, or looks whether it has, as its cookie goes out. */
  touchLate(session, decision) {
    const { sessionID: sid } = this;
    if (decision === 'touch') this.noteTouched(sid, session.cookie);
    this.finishLate(session, decision);
  }

  generate() {
    const { maxAge = null, path = '/', httpOnly = true, secure, sameSite } = this.options.cookie;
    const expires = maxAge === null ? null : this.world.now + maxAge;
    const cookie = { originalMaxAge: maxAge, expires, httpOnly, path };
    if (secure !== undefined) cookie.secure = secure === 'auto' ? this.request.https : secure;
    if (sameSite) cookie.sameSite = sameSite;
    return { id: this.world.makeId(), data: {}, cookie, isFollowed: false };
  }

  // The program.

  step(step) {
    if (step.do === 'header') this.setHeader(step.name, step.value);
    else if (step.do === 'hints') this.hints += 1;
    else if (step.do === 'tick') this.world.now += TICK;
    else if (step.do === 'meanwhile') this.meanwhile(step);
    else if (this.hasMiddleware && step.do === 'null') Object.assign(this, { session: null, isLookedAt: true });
    else if (this.hasMiddleware) {
      this.isLookedAt = true;
      if (this.session) this.use(step);
    }
  }

  use(step) {
    const { session, session: { data, cookie }, world: { now } } = this;
    const setMaxAge = (ms) => Object.assign(cookie, { originalMaxAge: ms, expires: ms === null ? null : now + ms });
    switch (step.do) {
      case 'set': data[step.key] = copy(step.value); break;
      case 'delete': delete data[step.key]; break;
      case 'push': if (Array.isArray(data[step.key])) data[step.key].push(2); break;
      case 'look': this.events.push(['look', copy(data)]); break;
      case 'maxAge': setMaxAge(step.ms); break;
      // What a program does to `_meta` is nothing.
      case 'meta': case 'no meta': this.notes.push(this.hasTimes ? 'meta of the program' : 'meta'); break;
      case 'end elsewhere': this.endElsewhere(); break;
      case 'touch':
        this.keepsExpiry = !step.renews;
        if (step.renews) this.storedCookie = undefined;
        if (step.renews) setMaxAge(cookie.originalMaxAge);
        break;
      default: {
        let outcome = 'ok';
        try {
          this[step.do](session, step);
        } catch (error) {
          outcome = error.message;
        }
        if (step.how === 'callback' || step.how === 'promise') this.events.push([step.do, outcome]);
      }
    }
  }

  /** Another request comes with the same cookie, and ends. */
  meanwhile({ steps }) {
    const { cookie, https } = this.request;
    const request = { method: 'GET', path: '/app/page', cookie, https, steps, response: { kind: 'end', body: 'xxx' } };
    const { events, calls, notes } = this;
    const { answer: { status } } = visit(this.world, request, { parent: this, events, calls, notes });
    events.push(['meanwhile', status]);
  }

  endElsewhere() {
    try {
      this.call('destroy', this.sessionID);
      this.endedElsewhere.add(this.sessionID);
    } catch { /* It goes on. */ }
  }

  /** Whether this request has found or stored a session, and has not destroyed it. */
  wasStored(id) {
    return (this.storedIds.has(id) || id === this.loadedId) && !this.destroyedIds.has(id);
  }

  save(session) {
    const text = JSON.stringify(session.data);
    // Of a session that `regenerate` has made, express-session does not know what was saved.
    if (session.isFollowed) {
      this.stored = text;
      this.storedCookie = undefined;
    }
    this.put(session);
    this.noteTouched(session.id, session.cookie);
    if (session.isFollowed) {
      this.storedIds.add(session.id);
      this.endedElsewhere.delete(session.id);
    }
  }

  noteBase(session, data = session.data) {
    const text = JSON.stringify(data);
    if (this.options.merge) for (const key of [session, session.id]) this.bases.set(key, text);
  }

  /** What the store had when a session was loaded or stored; undefined for one that the store must not compare. */
  baseOf(session) {
    const { bases, destroyedIds } = this;
    return destroyedIds.has(session.id) ? undefined : bases.get(session) ?? bases.get(session.id);
  }

  /** Stores a session, with the option `merge` together with what others have stored. One that is gone stays gone. */
  put(session) {
    this.stamp(session);
    const follows = this.follows(session);
    if (this.baseOf(session) === undefined && !follows) {
      this.call('set', session.id, session);
      this.noteBase(session);
      return;
    }
    for (let [base, isKnown] = [this.baseOf(session), this.isAtomic && !follows]; ; isKnown = false) {
      const { id } = session;
      if (!isKnown) base = this.mergeStored(session);
      if (follows && session.id !== id) this.hasConflict = true;
      if (base === undefined) return;
      this.stamp(session);
      if (this.putIfUnchanged(session, base)) break;
      this.hasConflict = true;
    }
    this.noteBase(session);
    this.stored = JSON.stringify(session.data);
  }

  /** Stores a session by the way that the store has for `merge`; false if the store has other data. */
  putIfUnchanged(session, base) {
    const { kind, compares } = this.world.scenario.store;
    if (kind === 'resident' || (compares && kind !== 'wrapped')) return this.call('setIfUnchanged', session.id, session, base);
    // What a program has replaced is called.
    const found = kind === 'wrapped' ? this.call('get', session.id) : undefined;
    if (kind === 'wrapped' && (found?.next || JSON.stringify(found?.data) !== base)) return false;
    this.call('set', session.id, session);
    return true;
  }

  /** Whether the store is asked for the id that a session has now, before it stores the session. */
  follows({ id }) {
    const comparesOnly = this.options.renewAfter !== undefined && id === this.loadedId && !this.isOurs;
    return !this.options.merge && this.isAtomic && (comparesOnly || this.mayBeRenewed(id)) && this.wasStored(id);
  }

  /** Reads the stored session again, and returns its JSON, which it notes; undefined if it is gone. */
  mergeStored(session) {
    const { data } = session;
    const found = this.load(session.id);
    if (!found) {
      this.notes.push('gone');
      return undefined;
    }
    if (!this.options.merge) return JSON.stringify(found.data);
    const base = JSON.parse(this.baseOf(session));
    const theirs = found.data;
    const decided = new Map();
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(data)])) {
      const [isMine, isTheirs] = [data, theirs].map((changed) => !isDeepStrictEqual(changed[key], base[key]));
      if (!isTheirs) continue;
      this.notes.push(isMine ? 'same key' : 'another key');
      if ([data, theirs].some((changed) => !Object.hasOwn(changed, key))) this.notes.push('deleted key');
      if (!isMine) decided.set(key, theirs[key]);
      else decided.set(key, DECISIONS[this.options.merge](key, base[key], data[key], theirs[key]));
    }
    for (const [key, value] of decided) {
      if (value === undefined) delete data[key];
      else data[key] = copy(value);
    }
    if (decided.size > 0) this.notes.push(this.world.scenario.store.kind);
    this.noteBase(session, found.data);
    return JSON.stringify(found.data);
  }

  reload({ id, isFollowed }) {
    const record = this.load(id);
    if (!record) throw new Error('failed to load session');
    this.session = { isFollowed, ...record };
    if (isFollowed) {
      this.loadedId = record.id;
      this.noteBase(this.session);
      if (this.storedCookie) this.storedCookie = copy(record.cookie);
    }
  }

  /** Notes that a session is renewed. A save prolongs it no longer than its cookie says. */
  noteTouched(id, { expires, originalMaxAge }) {
    const { touched, now } = this.world;
    touched.set(id, expires === null || originalMaxAge === null ? now : Math.min(now, expires - originalMaxAge));
  }

  /** Forgets a session that ends, or that could not be renewed. */
  forget(id) {
    this.world.touched.delete(id);
    this.storedCookie = undefined;
  }

  destroy({ id }) {
    this.session = undefined;
    this.destroyedIds.add(id);
    this.forget(id);
    this.endStored(id);
    this.isDestroyed = true;
  }

  regenerate() {
    const { sessionID } = this;
    this.destroyedIds.add(sessionID);
    this.forget(sessionID);
    try {
      this.endStored(sessionID);
    } finally {
      this.session = this.generate();
      this.sessionID = this.session.id;
      this.hasStray = false;
    }
  }

  /** `regenerate({ keep })`: the new record is there before the old one goes. */
  keep(old, { keep }) {
    if (this.baseOf(old) !== undefined) {
      if (this.mergeStored(old) === undefined) throw new Error('the session has ended');
      if (this.options.merge) this.notes.push('keep');
    }
    const made = { ...this.generate(), isFollowed: true };
    const keys = keep === true ? Object.keys(old.data) : keep.filter((key) => Object.hasOwn(old.data, key));
    for (const key of keys) made.data[key] = old.data[key];
    const { now } = this.world;
    const meta = this.metas.get(old.id);
    if (meta) this.metas.set(made.id, { created: Math.min(meta.created, now - 1), renewed: now, seen: now, used: now, rest: meta.rest });
    const text = JSON.stringify(made.data);
    this.put(made);
    this.noteTouched(made.id, made.cookie);
    try {
      if (this.wasStored(old.id) && !this.load(old.id)) throw new Error('the session has ended');
    } catch (error) {
      // The store's own methods are called from now on, as another session was made for the request.
      this.hasStray = true;
      try { this.call('destroy', made.id); } catch { /* Nobody hears of it. */ }
      throw error;
    }
    this.session = made;
    this.sessionID = this.keptId = made.id;
    this.stored = text;
    this.destroyedIds.add(old.id);
    this.forget(old.id);
    this.endStored(old.id);
  }

  // What happens to the session when the response is sent.

  get isModified() {
    const { session } = this;
    return session.id !== this.originalId || JSON.stringify(session.data) !== this.originalText;
  }

  get isKnown() {
    return this.cookieId === this.sessionID;
  }

  /** Whether another secret than the first has signed the cookie of the session that was loaded. */
  get mustResign() {
    const { options: { resign }, request, cookieId, loadedId, world: { scenario } } = this;
    return Boolean(resign) && request.cookie === 'old key' && scenario.secrets > 1 && loadedId !== undefined && loadedId === cookieId;
  }

  /** Whether the session was only read, and was touched less than `touchAfter` ago. */
  get isFresh() {
    const { options: { touchAfter }, session: { cookie }, isTouched, sessionID, storedCookie, world: { now, touched } } = this;
    if (!touchAfter || !storedCookie || this.isModified || sessionID !== this.loadedId || this.mustResign) return false;
    // What the program does to the cookie is stored by the touch.
    if (!isTouched && JSON.stringify(cookie) !== JSON.stringify(storedCookie)) return false;
    const { expires, originalMaxAge } = storedCookie;
    if (originalMaxAge !== null && originalMaxAge < 2 * touchAfter) return false;
    const last = [originalMaxAge === null ? -Infinity : expires - originalMaxAge, touched.get(sessionID) ?? -Infinity];
    return last.some((time) => time <= now && now - time < touchAfter);
  }

  decide() {
    const { session, options } = this;
    if (!this.hasMiddleware || this.hasFailed) return 'nothing';
    if (!session) return options.unset === 'destroy' && this.sessionID ? 'destroy' : 'nothing';
    const isSaved = JSON.stringify(session.data) === this.stored && [this.originalId, this.keptId].includes(session.id);
    const keepsExpiry = this.keepsExpiry || this.isFresh;
    const waitsForChange = this.isKnown ? keepsExpiry : !options.saveUninitialized;
    if (waitsForChange && this.stored === undefined ? this.isModified : !isSaved) {
      // With our own stores, what another request has ended does not come back.
      const asksFirst = this.isOurs && !(this.isResident && this.baseOf(session) !== undefined);
      return asksFirst && this.endedElsewhere.has(session.id) && this.wasStored(session.id) ? 'refused' : 'set';
    }
    const decision = this.isKnown && this.world.scenario.store.touch && !keepsExpiry ? 'touch' : 'nothing';
    const setsCookie = this.rolls || (this.isModified && session.cookie.expires !== null);
    if ((decision === 'touch' || (setsCookie && this.isKnown)) && this.mayBeRenewed(this.sessionID)) return decision === 'touch' ? decision : 'look';
    return this.isDue() ? `use, ${decision}` : decision;
  }

  touch() {
    const { session, isTouched, keepsExpiry, world: { now } } = this;
    if (!session || isTouched || keepsExpiry) return;
    this.isTouched = true;
    const { originalMaxAge } = session.cookie;
    session.cookie.expires = originalMaxAge === null ? null : now + originalMaxAge;
  }

  settle(decision) {
    const { session, sessionID: sid } = this;
    if (decision === 'nothing' || decision === 'refused') return;
    this.touch();
    try {
      if (decision === 'set') this.save(session);
      else if (decision.startsWith('use')) this.storeUse(session, decision);
      else if (decision === 'destroy') this.endStored(this.sessionID);
      else if (decision === 'look' || this.mayBeRenewed(this.sessionID)) this.touchLate(session, decision);
      else this.call(decision, this.sessionID, session);
    } catch (error) {
      this.forget(decision === 'set' ? session.id : this.sessionID);
      throw error;
    }
    if (decision === 'touch') this.noteTouched(sid, session.cookie);
    if (decision === 'destroy') this.forget(this.sessionID);
    this.storedCookie = undefined;
  }

  // The response.

  /** Whether the visitor gets the cookies of the response. */
  get keepsCookies() {
    return !this.parent && !this.request.lost;
  }

  setHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }

  /** The headers are written. `hasEnded`: the program can look at nothing any more. */
  writeHead(hasEnded) {
    const { options, headers } = this;
    const cookie = this.hasMiddleware && !this.hasFailed ? this.cookieOf() : undefined;
    // Once the store has settled it, a session that was held back has forgotten whether anybody has looked.
    const mayShow = this.isLookedAt || !this.sleeps || (this.isHeld && !this.hasOverflowed) || !hasEnded;
    const isLimited = cookie !== undefined || (this.sleeps && this.isLookedAt) || (this.loadedId !== undefined && mayShow);
    this.cookies = [headers['set-cookie'], cookie].filter(Boolean);
    if (!(options.cacheControl && isLimited)) return;
    headers.vary = varied(headers.vary, 'Cookie');
    headers['cache-control'] ??= CACHE_CONTROLS[options.cacheControl];
  }

  get rolls() {
    return (this.options.rolling || this.mustResign) && !this.keepsExpiry && !this.isFresh;
  }

  /** The session's Set-Cookie header, if it is due, and the browser is allowed to have it. */
  cookieOf() {
    const { session, options, world, request } = this;
    const isWithheld = ({ secure }) => secure && !request.https;
    if (!session) {
      const isOver = this.isDestroyed || options.unset === 'destroy';
      if (!(options.clearCookie && this.cookieId && isOver && this.firstCookie) || isWithheld(this.firstCookie)) return undefined;
      if (this.keepsCookies) world.setJar(undefined);
      return cookieText('', { ...this.firstCookie, expires: 0 });
    }
    const { isModified, wasModified = isModified } = this;
    const isRenewed = this.tellsId !== undefined && session.id === this.loadedId && this.sessionID === this.loadedId;
    const isDue = isRenewed ? this.tellsId : this.isKnown ? this.rolls || (session.cookie.expires !== null && wasModified) : options.saveUninitialized || wasModified;
    if (!isDue || isWithheld(session.cookie)) return undefined;
    if (this.mustResign && this.isKnown && !options.rolling && !wasModified) this.notes.push('signed anew');
    this.touch();
    this.storedCookie = undefined;
    this.toldId = this.sessionID;
    const { expires } = session.cookie;
    // The date in the header has no milliseconds.
    const hasExpired = expires !== null && expires - expires % 1000 <= world.now;
    if (this.keepsCookies) world.setJar(hasExpired ? undefined : this.sessionID);
    return cookieText(`signed by the first secret: ${this.sessionID}`, session.cookie);
  }

  respond() {
    const { request: { response }, hasMiddleware } = this;
    const { kind, late = [] } = response;
    if (kind === 'throw') return this.page('thrown');
    if (kind === 'redirect') this.headers.vary = varied(this.headers.vary, 'Accept');
    if (kind === 'redirect' || kind === 'empty') this.statusCode = answerOf(response).status;
    for (const [name, value] of Object.entries(response.headers ?? {})) this.setHeader(name, value);
    if (response.refused && hasMiddleware) this.isLookedAt = true;
    const refuses = response.refused && hasMiddleware && Boolean(this.session);
    const isWhole = ['end', 'send', 'json', 'redirect', 'empty'].includes(kind);
    const tellSent = (isSent) => { if (kind !== 'pipe') this.events.push(['sent', isSent]); };

    const error = this.begin(isWhole, refuses);
    if (kind === 'burst') this.events.push(['write', !this.isHeld]);
    const tooLong = this.tooLong(response);
    this.hasOverflowed = tooLong !== undefined;
    if (tooLong ?? error) {
      this.hasFailed = true;
      // With `commit: 'end'`, data that JSON refuses are refused before the response looks sent.
      tellSent(!(isWhole && refuses && this.options.commit !== 'headers'));
      this.page(refuses ? error : tooLong ?? error);
    } else {
      tellSent(true);
      if (!isWhole) this.writeHead(false);
    }
    for (const step of late) this.step(step);
    if (this.answer) return undefined;
    this.end(isWhole);
    this.answer = answerOf(response);
    return undefined;
  }

  /**
   * Whether the body of a response that is held is too long: what the program sends after its first
   * part. Late steps, but for those that need no time, wait until the response is not held any more.
   */
  tooLong({ kind, chunks, late, hurries }) {
    const limit = this.options.commitBuffer ?? 2 ** 20;
    if (kind !== 'burst' || !this.isHeld) return undefined;
    const message = `the response was longer than ${limit} bytes (option commitBuffer) before the session was stored`;
    const isTooLong = (parts) => parts.join('').length > limit;
    return isTooLong(chunks.slice(1, late.length > 0 && !hurries ? -1 : undefined)) ? message : undefined;
  }

  /** With `commit: 'headers'`, what must be written or destroyed is, before anything leaves. */
  begin(isWhole, refuses) {
    if (refuses) {
      this.isHeld = true;
      return REFUSED;
    }
    if (this.options.commit !== 'headers') return undefined;
    const decision = this.decide();
    // A save that is refused settles the session, too.
    if (decision === 'refused') {
      this.settledEarly = decision;
      this.touch();
    }
    if (decision !== 'set' && decision !== 'destroy') return undefined;
    this.hasConflict = false;
    // What a merge brings is no change of this request.
    if (this.session) this.wasModified = this.isModified;
    try {
      this.settle(decision);
    } catch (error) {
      return error.message;
    } finally {
      this.isHeld = !this.isResident || this.hasStray || this.hasConflict || (decision === 'destroy' && this.mayBeRenewed(this.sessionID));
    }
    this.settledEarly = decision;
    // What was saved is not saved again, also after `regenerate`.
    if (decision === 'set') Object.assign(this, { keptId: this.session.id, stored: JSON.stringify(this.session.data) });
    return undefined;
  }

  end(isWhole) {
    const decision = this.decide();
    // The cookie goes out if the store is touched.
    if (decision.startsWith('use')) this.storedCookie = undefined;
    // The cookie of a new id went out, and so `resave` saves what was fresh, which is no more than a touch.
    if (decision === 'set' && this.tellsId && !this.isModified) this.world.leavesFirstByteOpen = true;
    const isSettled = this.settledEarly && (isWhole || decision === 'touch' || decision === 'use, touch' || (decision === 'destroy' && this.settledEarly === 'destroy'));
    // The cookie is decided on with the session as it was, and only then the store is asked. But if the
    // store answers at once that the session has a new id, the cookie has that.
    const { kind, delay } = this.world.scenario.store;
    const learnsId = ['touch', 'look', 'set'].includes(decision) && !isSettled && delay === 0 && !['resident', 'promise'].includes(kind) &&
      this.world.records.get(this.session.id)?.next !== undefined && (decision !== 'set' || !this.isAtomic || !this.options.merge);
    if (learnsId) this.wasModified ??= this.isModified;
    if (isWhole && !learnsId) this.writeHead(true);
    if (!isSettled) this.settleLate(decision);
    if (isWhole && learnsId) this.writeHead(true);
  }

  settleLate(decision) {
    try {
      this.settle(decision);
    } catch (error) {
      // The response is as good as sent, so this is for the log only.
      this.events.push(['next, too late for a page', error.message]);
    }
  }

  /** The program's error page, a response like any other, unless the session has failed. */
  page(message) {
    this.events.push(['next', message, this.statusCode]);
    this.statusCode = 500;
    const error = this.begin(true, false);
    if (error !== undefined) {
      this.hasFailed = true;
      return this.page(error);
    }
    this.end(true);
    this.answer = { status: 500, body: `page: ${message}`, isPage: true };
    return undefined;
  }
}

/** What the program sends. */
function answerOf({ kind, status = 200, body = '', chunks = [] }) {
  if (kind === 'json') return { status, body: JSON.stringify({ body }) };
  if (kind === 'redirect') return { status: 302, body: 'Found. Redirecting to /next' };
  return { status, body: chunks.join('') || body, message: kind === 'head' ? 'Told' : undefined };
}

/** The header Vary with a name in it. */
function varied(vary, name) {
  const names = (vary ?? '').toLowerCase().split(/, */);
  if (names.includes('*') || names.includes(name.toLowerCase())) return vary;
  return vary ? `${vary}, ${name}` : name;
}

function cookieText(value, { path, expires, httpOnly, secure, sameSite }) {
  const parts = [`connect.sid=${value}`, `Path=${path}`];
  if (expires !== null) parts.push(`Expires=${new Date(expires).toUTCString()}`);
  if (httpOnly) parts.push('HttpOnly');
  if (secure) parts.push('Secure');
  if (sameSite) parts.push('SameSite=Lax');
  return parts.join('; ');
}

/**
 * @param {object} scenario of generate.js
 * @returns {object[]} for each request what run.js must have seen
 */
function predict(scenario) {
  const world = new World(scenario);
  return scenario.requests.map((request) => {
    world.now += request.advance;
    Object.assign(world, { leavesCallsOpen: false, leavesFirstByteOpen: false, leavesHeadersOpen: false });
    if ('written' in request) world.writeMeta(request.written);
    return seenOf(visit(world, request));
  });
}

/** One request from its beginning to its end. */
function visit(world, request, more = {}) {
  const made = Object.assign(new Visit(world, request), more);
  try {
    made.open();
  } catch (error) {
    made.page(error.message);
  }
  if (!made.answer) {
    for (const step of request.steps) made.step(step);
    made.respond();
  }
  return made;
}

function seenOf({ answer, headers, cookies, events, calls, hints, request, hasOverflowed, hasMiddleware, world, notes }) {
  const hasBody = request.method !== 'HEAD' && ![204, 304].includes(answer.status);
  const seen = {
    status: answer.status,
    message: answer.message ?? STATUS_CODES[answer.status],
    body: hasBody ? answer.body : '',
    cookies,
    headers: world.leavesHeadersOpen ? undefined : { 'vary': headers.vary, 'cache-control': headers['cache-control'], 'x-app': headers['x-app'] },
    bodyHeaders: answer.isPage ? [] : undefined,
    hints,
    events,
    calls: world.leavesCallsOpen ? undefined : calls,
    // An error page does not wait for the store if the body was too long. What changes after
    // `writeHead`, of which no byte leaves, is settled at the end.
    unansweredAtFirstByte: world.scenario.options.commit === 'headers' && !hasOverflowed && !world.leavesFirstByteOpen && !request.response.late?.length ? [] : undefined,
    // A client that gets no body has the whole response with the headers.
    unansweredAtEnd: hasBody && answer.body !== '' && !hasOverflowed ? [] : undefined,
    // Without the middleware it is Node.js that hears of a second `end`.
    unhandled: request.response.again && !hasMiddleware && !answer.isPage ? ['write after end'] : [],
    records: recordsOf(world),
  };
  // Nobody sees it, so it is not compared.
  return Object.defineProperty(seen, 'notes', { value: notes, enumerable: false });
}

/** What the store has. A pointer to nothing is nothing. */
function recordsOf(world) {
  const live = [...world.records].filter(([, record]) => world.isLive(record));
  return live.filter(([, { next }]) => !next || world.isLive(world.records.get(next.to)))
    .map(([sid, { data, cookie, meta, next }]) => [sid, {
      ...data,
      cookie: { ...cookie, expires: cookie.expires && new Date(cookie.expires).toISOString() },
      _meta: next ? { next: next.to } : meta,
    }]);
}

/** What another version has written for `_meta`: any value, or times of so many ms ago. */
function metaWritten(written, now) {
  if (written === 'nothing') return undefined;
  if (!written?.ago) return written;
  const { ago, ...rest } = written;
  return { ...Object.fromEntries(Object.entries(ago).map(([name, ms]) => [name, now - ms])), ...rest };
}

module.exports = { predict, metaWritten, START, TICK, REFUSED };
