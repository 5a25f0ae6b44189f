'use strict';

/** @import { Callback, CookieData, SessionData, Store } from '../types' */

const { createHash } = require('node:crypto');
// The timers of Node.js itself: see engine/pruning.js.
const { clearTimeout, setTimeout } = require('node:timers');
const { attempt } = require('../request/load');
const { followPointer, isPointer, makePointer } = require('../request/pointer');
const { livingCookie } = require('../cookie/cookie');
const { readMeta, showMeta } = require('../request/times');
const { storeCallback, callStore, isFailure } = require('./call');
const { createSession } = require('./store').prototype;
const { usersOf } = require('./users');

/** What each key begins with, which also is the version of this form. */
const PREFIX = 'h1:';

/** How many ids are known of which the store has no record under the plain id. */
const MOST_SETTLED = 10_000;

/** How often a move begins anew because somebody who knows nothing of keys has changed the plain record. */
const MOST_TRIALS = 20;

/** How long, in ms, calls wait for a move or a logout whose store does not answer. */
const LONGEST_WAIT = 10_000;

/**
 * Returns the key under which a store keeps the session of an id, with the option `hashIds`.
 * @param {unknown} sid
 */
function keyOf(sid) {
  return PREFIX + createHash('sha256').update(`${sid}`).digest('base64url');
}

/**
 * Looks for a session for a call that has waited.
 *
 * @typedef {(callback: Callback) => void} Look
 */

/**
 * The calls of one store, with ids that are given to the store as keys. A session that is stored under
 * its plain id, from before the option, is moved when it is looked for: it is stored under its key, and
 * then destroyed under the id. What this process does to the session meanwhile waits.
 */
class HashedCalls {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    /**
     * What is under way now that touches both records of an id, by key.
     * @type {Map<string, { isMove: boolean, isEnd: boolean, count: number, waiting: ((look: Look) => void)[] }>}
     */
    this.underWay = new Map();
    /**
     * The keys of ids under which the store has no plain record, the oldest first.
     * @type {Set<string>}
     */
    this.settled = new Set();
  }

  /**
   * Calls a method of the store whose first argument is an id.
   *
   * @param {string} name
   * @param {Function} method of the store
   * @param {any[]} args as the program gives them
   * @returns {any} what the method returns, or what `answering` does if more than one call of the store
   *   may be needed
   * @throws what the method throws, if it is called at once
   */
  call(name, method, [sid, ...args]) {
    const key = keyOf(sid);
    const isPlainGone = this.isPlainGone(sid, key);
    if (isPlainGone && name !== 'get' && name !== 'destroy' && !this.isMoving(key)) return Reflect.apply(method, this.store, [key, ...args]);
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    return answering(callback, method.length > args.length + 1, (answered) => {
      if (name === 'get') this.get(sid, key, answered);
      else if (name === 'destroy') this.destroy(sid, key, answered);
      else if (isPlainGone) this.whenMoved(key, () => { this.ask(answered, name, key, ...args); });
      else this.get(sid, key, (error) => { if (isFailure(error)) answered(error); else this.ask(answered, name, key, ...args); });
    });
  }

  /**
   * Gets a session, and moves it if it is stored under its plain id.
   *
   * @param {string} sid
   * @param {string} key
   * @param {Callback} callback
   * @throws what the store throws before it has called back
   */
  get(sid, key, callback) {
    const isPlainGone = this.isPlainGone(sid, key);
    callStore(storeCallback(undefined, (...results) => {
      const [error, data] = results;
      if (data) this.settle(key);
      if (data || isFailure(error) || isPlainGone) callback(...results);
      else this.find(sid, key, (failure, found) => { if (failure || found) callback(failure, found); else callback(...results); });
    }), this.store, 'get', key);
  }

  /**
   * Looks for a session under its plain id, and moves it.
   *
   * @param {string} sid
   * @param {string} key
   * @param {Callback} callback gets no data if there is none
   */
  find(sid, key, callback) {
    const other = this.underWay.get(key);
    if (other !== undefined) {
      other.waiting.push((look) => { look(callback); });
      return;
    }
    const leave = this.enter(sid, key, true);
    this.ask((error, found) => {
      if (isFailure(error)) {
        leave();
        callback(error);
      } else if (error || !found || leadsNowhere(sid, found)) {
        this.settle(key);
        // Another process may have moved it between the two looks.
        this.read(key, undefined, (failure, moved) => {
          leave(failure || moved ? undefined : findNothing);
          if (isFailure(failure)) callback(failure);
          else callback(null, failure ? undefined : moved);
        });
      } else {
        this.move(sid, key, found).then(({ data, cookie }) => {
          leave((again) => { this.read(key, cookie, again); });
          callback(null, data);
        }, (failure) => {
          leave();
          callback(failure);
        });
      }
    }, 'get', sid);
  }

  /**
   * Moves a session from its plain id to its key. A failure loses nothing: the old record goes last.
   *
   * @param {string} sid
   * @param {string} key
   * @param {SessionData} found what the store has under the id
   * @returns {Promise<{ data: SessionData | undefined, cookie?: CookieData }>} the session as it is stored
   *   now, and the cookie that it must have if another one had to be stored
   */
  async move(sid, key, found) {
    let plain = found;
    for (let trials = 1; ; trials++) {
      const record = this.recordOf(key, plain);
      // The request will say what is wrong with such data.
      if (record === undefined) return { data: plain };
      await this.asked('set', key, record.session);
      const { cookie } = record;
      const data = withCookie(await this.asked('get', key), cookie);
      // A store that has not kept it must not lose it.
      if (!data) return { data };
      if (trials === MOST_TRIALS || !await this.isChanged(sid, plain)) {
        await this.asked('destroy', sid);
        this.settle(key);
        return { data, cookie };
      }
      const changed = await this.asked('get', sid);
      if (!changed || leadsNowhere(sid, changed)) {
        if (!this.underWay.get(key)?.isEnd) return { data, cookie };
        await this.asked('destroy', key);
        return { data: undefined };
      }
      plain = changed;
    }
  }

  /**
   * Returns whether somebody has changed or removed a plain record that is about to be destroyed. If not,
   * nobody can change it from now on. False if the store cannot tell.
   *
   * @param {string} sid
   * @param {SessionData} plain
   */
  async isChanged(sid, plain) {
    if (typeof this.store.setIfUnchanged !== 'function' || isPointer(plain)) return false;
    const isStored = await this.asked('setIfUnchanged', sid, makePointer(sid, '', 0, 1), plain).catch(() => undefined);
    return isStored === false;
  }

  /**
   * Returns what the store must get to keep a record under a key.
   *
   * @param {string} key
   * @param {SessionData} plain
   * @returns {{ session: SessionData, cookie: CookieData | undefined } | undefined} the session, and its
   *   former cookie if it has another one now; undefined for damaged data
   */
  recordOf(key, plain) {
    const now = Date.now();
    const cookie = livingCookie(plain.cookie, now);
    let session;
    try {
      session = createSession.call(this.store, { sessionID: key, sessionStore: this.store }, { ...plain, cookie });
    } catch {
      return undefined;
    }
    // The index takes it for a session that replaces another one of its user, and ends none.
    if (usersOf(this.store)?.maxSessions !== undefined && !isPointer(plain)) {
      const meta = readMeta(plain, now);
      showMeta(session, { ...meta, created: Math.min(meta.created, meta.renewed - 1) });
    }
    return { session, cookie: cookie === plain.cookie ? undefined : plain.cookie };
  }

  /**
   * Gets a session that was moved.
   *
   * @param {string} key
   * @param {CookieData | undefined} cookie that the session must have, if it is another one than the stored
   * @param {Callback} callback
   */
  read(key, cookie, callback) {
    this.ask((error, data, ...results) => { callback(error, withCookie(data, cookie), ...results); }, 'get', key);
  }

  /**
   * Destroys a session, under its key and under its plain id.
   *
   * @param {string} sid
   * @param {string} key
   * @param {Callback} callback
   * @throws what the store throws at once
   */
  destroy(sid, key, callback) {
    const destroy = () => {
      const leave = this.enter(sid, key, false);
      /** @type {any[][]} */
      const answers = [];
      let left = 2;
      const answered = () => {
        if (--left > 0) return;
        leave();
        callback(...answers.find(([error]) => error) ?? answers[0]);
      };
      this.dropPlain(sid, key, (error) => {
        answers[1] = [error];
        answered();
      });
      try {
        callStore(storeCallback(undefined, (...results) => {
          answers[0] = results;
          answered();
        }), this.store, 'destroy', key);
      } catch (error) {
        if (left > 0) leave();
        throw error;
      }
    };
    if (this.isMoving(key)) this.whenMoved(key, () => { attempt((answered) => { this.destroy(sid, key, answered); }, callback); });
    else destroy();
  }

  /**
   * Destroys the plain record of an id, if there is one: some stores fail to destroy what is not there.
   *
   * @param {string} sid
   * @param {string} key
   * @param {(error?: any) => void} callback
   */
  dropPlain(sid, key, callback) {
    if (isKey(sid)) {
      callback();
      return;
    }
    const dropped = (/** @type {any} */ error) => {
      if (!isFailure(error)) this.settle(key);
      callback(isFailure(error) ? error : undefined);
    };
    this.ask((error, found) => {
      if (error || !found) dropped(error);
      else this.ask(dropped, 'destroy', sid);
    }, 'get', sid);
  }

  /**
   * Whether an id is known to have no plain record. Who has stolen a key from the store must not find the
   * session under it.
   *
   * @param {unknown} sid
   * @param {string} key
   */
  isPlainGone(sid, key) {
    return this.settled.has(key) || isKey(sid);
  }

  /**
   * Notes that an id has no plain record.
   * @param {string} key
   */
  settle(key) {
    const { settled } = this;
    if (settled.has(key)) return;
    settled.add(key);
    if (settled.size > MOST_SETTLED) settled.delete(/** @type {string} */ (settled.values().next().value));
  }

  /**
   * Lets each later search for a session under its plain id wait, and if this is a move, each other call
   * for the id, too.
   *
   * @param {string} sid
   * @param {string} key for which no move is under way
   * @param {boolean} isMove
   * @returns {(look?: Look) => void} lets them go on, unless they have waited too long. They get
   *   `look`, or look for the session under its key and its id.
   */
  enter(sid, key, isMove) {
    /** @type {Look} */
    const lookAgain = (callback) => { this.get(sid, key, callback); };
    const act = this.underWay.get(key) ?? { isMove, isEnd: false, count: 0, waiting: [] };
    this.underWay.set(key, act);
    act.count++;
    let hasLeft = false;
    const leave = (look = lookAgain) => {
      clearTimeout(timer);
      if (hasLeft) return;
      hasLeft = true;
      if (--act.count > 0) return;
      this.underWay.delete(key);
      for (const goOn of act.waiting) goOn(look);
    };
    const timer = setTimeout(leave, LONGEST_WAIT, lookAgain);
    timer.unref();
    return leave;
  }

  /**
   * Notes that the store is about to end a session that it may have under the plain id: a move that is
   * under way must not undo that.
   *
   * @param {string} sid
   */
  noteEnd(sid) {
    const act = this.underWay.get(keyOf(sid));
    if (act !== undefined) act.isEnd = true;
  }

  /** @param {string} key */
  isMoving(key) {
    return this.underWay.get(key)?.isMove === true;
  }

  /**
   * Calls a function as soon as no move is under way for a key, which may be at once.
   *
   * @param {string} key
   * @param {() => void} act
   */
  whenMoved(key, act) {
    if (this.isMoving(key)) this.underWay.get(key)?.waiting.push(() => { this.whenMoved(key, act); });
    else act();
  }

  /**
   * Calls a method of the store. The callback also gets what that throws.
   *
   * @param {Callback} callback
   * @param {string} name
   * @param {...unknown} args
   */
  ask(callback, name, ...args) {
    attempt((answered) => { callStore(storeCallback(undefined, answered), this.store, name, ...args); }, callback);
  }

  /**
   * Calls a method of the store.
   *
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<any>} what the store calls back with; undefined for what is not there
   */
  asked(name, ...args) {
    return new Promise((resolve, reject) => {
      this.ask((error, result) => { if (isFailure(error)) reject(error); else resolve(error ? undefined : result); }, name, ...args);
    });
  }
}

module.exports = { HashedCalls, keyOf };

/**
 * Whether an id has the form of a key, and so never is one under which a session is stored.
 * @param {unknown} sid
 */
function isKey(sid) {
  return `${sid}`.startsWith(PREFIX);
}

/** @type {Look} */
function findNothing(callback) {
  callback();
}

/**
 * Whether a plain record is what another process leaves there while it moves the session: see `isChanged`.
 *
 * @param {string} sid
 * @param {SessionData} plain
 */
function leadsNowhere(sid, plain) {
  return isPointer(plain) && followPointer(`${sid}`, plain, Date.now()) === undefined;
}

/**
 * Gives a session another cookie.
 *
 * @param {SessionData | undefined} data
 * @param {CookieData | undefined} cookie undefined to leave it as it is
 */
function withCookie(data, cookie) {
  if (data && cookie !== undefined) data.cookie = { ...cookie };
  return data;
}

/**
 * Calls a function with a callback that calls the one of a program.
 *
 * @param {Callback | undefined} callback of the program
 * @param {boolean} isDeclared whether the method of the store declares a callback. One that does not
 *   may return a promise.
 * @param {(callback: Callback) => void} act
 * @returns {Promise<any> | undefined} a promise unless there is a callback that the method declares. It
 *   never is an unhandled rejection.
 */
function answering(callback, isDeclared, act) {
  if (callback !== undefined && isDeclared) {
    act(storeCallback(undefined, callback));
    return undefined;
  }
  const promise = new Promise((resolve, reject) => {
    act(storeCallback(undefined, (...results) => {
      const [error, result] = results;
      if (error) reject(error);
      else resolve(result);
      callback?.(...results);
    }));
  });
  promise.catch(() => {});
  return promise;
}
