'use strict';

/** @import RequestSession from './request' */
/** @import { Callback, Session as SessionShape } from './types' */
/** @import { DiagnosticsError, DiagnosticsMessage } from '..' */

const { channel } = require('node:diagnostics_channel');
const { performance } = require('node:perf_hooks');
const native = require('./native/load');
const dataJSON = require('./request/data-json');
const { isFailure } = require('./store/call');
const redacted = require('./store/redacted');

/** The channels on which programs hear what happens to sessions. docs/observing.md says what each tells. */
const channels = {
  create: channel('express-session:create'),
  load: channel('express-session:load'),
  save: channel('express-session:save'),
  touch: channel('express-session:touch'),
  destroy: channel('express-session:destroy'),
  regenerate: channel('express-session:regenerate'),
  renew: channel('express-session:renew'),
  expire: channel('express-session:expire'),
  conflict: channel('express-session:conflict'),
  error: channel('express-session:error'),
};

/**
 * The outcomes of operations that have succeeded. Who begins one of the others tells what came of it.
 * @satisfies {Record<string, Outcome>}
 */
const OUTCOMES = /** @type {const} */ ({ save: 'saved', touch: 'touched', destroy: 'destroyed', regenerate: 'regenerated' });

/** @typedef {DiagnosticsMessage['outcome']} Outcome */
/** @typedef {keyof typeof OUTCOMES | 'load' | 'renew' | 'expire'} Name */

/**
 * The operation that each end of a response is. The use of a session may be noted where nothing else has
 * to be done.
 * @type {Name[]}
 */
const ENDS = [];
ENDS[native.END_SAVE] = 'save';
ENDS[native.END_DESTROY] = 'destroy';
ENDS[native.END_TOUCH] = 'touch';
ENDS[native.END_NOTHING] = 'touch';

/** What looks like a sid, or like a key that was made of one. */
const SID = /[\w-]{32,}/g;

/** What a line quotes, with all that follows, as the quoted may have quotes itself. An apostrophe is none. */
const QUOTED = /(?<![\p{L}\p{N}])["'`].*|\{.*/u;

/** What ends a line. */
const LINE_END = /[\n\r\u2028\u2029]/;

/**
 * What subscribers hear of the sessions of one request. A request that comes while there is no subscriber
 * has none.
 */
class RequestDiagnostics {
  /**
   * @param {RequestSession} request
   * @returns {RequestDiagnostics | undefined} undefined if there is no subscriber
   */
  static of(request) {
    return isHeard() ? new RequestDiagnostics(request) : undefined;
  }

  /** @param {RequestSession} request */
  constructor(request) {
    this.request = request;
    /** @type {Operation | undefined} What the end of the response does. */
    this.ending = undefined;
    /** @type {Operation | undefined} What a program has asked for, while the method that it has called runs. */
    this.asked = undefined;
    /** Whether the end of the response calls a `save` of the program, which may call ours. */
    this.isLent = false;
    /** The last save of each session. @type {Map<SessionShape, Operation>} */
    this.saves = new Map();
    /** The sids of the sessions that this request has stored. @type {Set<unknown>} */
    this.storedIds = new Set();
    /** The sids of the sessions that this request has ended, or is about to. @type {Set<unknown>} */
    this.endedIds = new Set();
    /** All sids of which this request knows. No message has one. @type {Set<unknown>} */
    this.ids = new Set();
  }

  /**
   * Begins an operation, which is told when it ends.
   *
   * @param {Name} name
   * @param {SessionShape} [session] that is saved, destroyed or replaced
   * @returns {Operation} the one that is under way, if this is a part of it: a method of another class calls ours
   */
  begin(name, session) {
    if (name === 'save' && this.isLent && this.ending?.isOpen) {
      this.isLent = false;
      return this.ending;
    }
    if (this.asked?.isOpen && this.asked.name === name) return this.asked;
    return new Operation(this, name, session);
  }

  /**
   * Does what a program asks for, as an operation.
   *
   * @template T
   * @param {Name} name
   * @param {SessionShape} session
   * @param {Callback} callback
   * @param {(session: SessionShape, callback: Callback, watcher?: RequestSession) => T} act gets a callback that
   *   ends the operation
   * @param {RequestSession} [watcher]
   * @returns {T} what `act` returns
   * @throws what `act` throws
   */
  during(name, session, callback, act, watcher) {
    const operation = this.begin(name, session);
    const { asked } = this;
    this.asked = operation;
    try {
      return act(session, operation.hearing(callback), watcher);
    } catch (error) {
      operation.end(error);
      throw error;
    } finally {
      this.asked = asked;
    }
  }

  /** Notes that it is to be decided from now on what the end of the response does. */
  decideEnd() {
    this.ending = undefined;
  }

  /**
   * Begins what the end of the response does.
   *
   * @param {number} end one of the `END_` numbers of the addon
   * @param {SessionShape | null} [session] `req.session`, unless it is asleep
   * @returns {Operation}
   */
  beginEnd(end, session) {
    const name = ENDS[end];
    const isAgain = name === 'destroy' && this.endedIds.has(this.request.req.sessionID);
    this.ending = new Operation(this, name, session ?? undefined, true);
    // The program has destroyed it, and knows of that.
    if (isAgain) this.ending.drop();
    return this.ending;
  }

  /**
   * Makes the callback that the end of the response waits for.
   *
   * @param {Callback} callback
   * @returns {Callback}
   */
  hearingEnd(callback) {
    return this.ending === undefined ? callback : this.ending.hearing(callback);
  }

  /**
   * Notes what has become of the end of the response.
   * @param {'nothing' | 'done' | 'waiting' | undefined} progress as `RequestSession#settle` returns it
   */
  endSettled(progress) {
    if (progress === 'done') this.ending?.end();
    else if (progress !== 'waiting') this.dropEnd();
  }

  /** Notes that the end of the response does nothing to the session. */
  dropEnd() {
    this.ending?.drop();
  }

  /** Lets the next save be that of the end of the response, which calls a `save` of the program. */
  lendEnd() {
    this.isLent = true;
  }

  /**
   * Tells that the end of the response has failed. If it was not decided yet what that does, the JSON of the
   * session could not be made.
   *
   * @param {unknown} error
   */
  failEnd(error) {
    (this.ending ?? new Operation(this, 'save')).end(error);
  }

  /**
   * Notes that a session is not saved, because it has ended.
   * @param {SessionShape} session
   */
  noteGone(session) {
    const save = this.saves.get(session);
    if (save !== undefined) save.isGone = true;
  }

  /**
   * Tells that the option `merge` has merged what another request has stored into a session.
   * @param {SessionShape} session
   */
  noteMerged(session) {
    const save = this.saves.get(session);
    if (save !== undefined) save.bytes = this.bytesOf(session);
    this.tellConflict('merged');
  }

  /** @param {'merged' | 'failed'} outcome */
  tellConflict(outcome) {
    this.publish('conflict', { outcome });
  }

  /**
   * Notes a sid that the request gets to know.
   * @param {unknown} sid
   */
  noteId(sid) {
    this.ids.add(sid);
  }

  /**
   * Whether the store does not have a session, as far as this request knows.
   * @param {unknown} sid
   */
  isNew(sid) {
    return !this.storedIds.has(sid) && (sid !== this.request.loadedId || this.endedIds.has(sid));
  }

  /**
   * Returns the length of the JSON of a session without `_meta`, in bytes of UTF-8.
   *
   * @param {SessionShape} session
   * @param {boolean} [isEnd] whether the end of the response stores it now, which needs the JSON of the data, too
   * @returns {number | undefined} undefined if there is none, or nobody asks for it
   */
  bytesOf(session, isEnd = false) {
    const { request, request: { settings: { metaKey } } } = this;
    if (!channels.save.hasSubscribers && !channels.create.hasSubscribers) return undefined;
    try {
      const data = isEnd ? request.knownJSON ??= dataJSON(session, metaKey) : dataJSON(session, metaKey);
      const cookie = Buffer.byteLength(JSON.stringify({ cookie: session.cookie }));
      if (data === '') return undefined;
      return data === '{}' ? cookie : cookie + Buffer.byteLength(data) - 1;
    } catch {
      // Who stores the session gets the error.
      return undefined;
    }
  }

  /**
   * Sends a message, and one more on the channel `error` if there is an error.
   *
   * @param {keyof typeof channels} name of the channel
   * @param {Omit<DiagnosticsMessage, 'store' | 'req' | 'error'>} facts
   * @param {unknown} [error]
   */
  publish(name, facts, error) {
    const { req } = this.request;
    /** @type {DiagnosticsMessage} */
    const message = { store: /** @type {any} */ (req.sessionStore), req: /** @type {any} */ (req), ...facts };
    if (error) message.error = this.shown(error);
    if (channels[name].hasSubscribers) channels[name].publish(message);
    if (error && channels.error.hasSubscribers) channels.error.publish({ ...message, outcome: /** @type {Outcome} */ (name) });
  }

  /**
   * Returns what a message has of an error. Its other properties may have ids and data, as those of many
   * databases do.
   *
   * @param {any} error
   * @returns {DiagnosticsError} one without a message of its own if the error throws when it is read
   */
  shown(error) {
    try {
      return this.read(error);
    } catch {
      return { name: 'Error', message: 'an error that cannot be read' };
    }
  }

  /**
   * Does what `shown` does.
   *
   * @param {any} error
   * @returns {DiagnosticsError}
   * @throws what the members of the error throw
   */
  read(error) {
    const { name, message, code } = Object(error);
    /** @type {DiagnosticsError} */
    const shown = {
      name: typeof name === 'string' ? this.cleaned(name) : 'Error',
      // A parser quotes what it cannot read.
      message: name === 'SyntaxError' ? 'the stored text cannot be read' : this.cleaned(message ?? error),
    };
    if (typeof code === 'string') shown.code = this.cleaned(code);
    else if (typeof code === 'number') shown.code = code;
    return shown;
  }

  /**
   * Returns the text of an error without ids and without what is quoted: Redis quotes the data that it was to
   * store, and others the values that they refuse. `JSON.stringify` names keys from the second line on.
   *
   * @param {unknown} text
   */
  cleaned(text) {
    const { request, request: { req } } = this;
    const ids = [...this.ids, req.sessionID, request.cookieId, request.originalId, request.loadedId, request.savedId, request.firstId];
    return redacted(text, ...ids).split(LINE_END, 1)[0].replace(QUOTED, '[redacted]').replace(SID, '[redacted]');
  }
}

module.exports = RequestDiagnostics;

/** Whether any channel has a subscriber. A loop over the channels takes four times as long: 17 ns, not 4. */
function isHeard() {
  const { create, load, save, touch, destroy, regenerate, renew, expire, conflict, error } = channels;
  return create.hasSubscribers || load.hasSubscribers || save.hasSubscribers || touch.hasSubscribers || destroy.hasSubscribers ||
    regenerate.hasSubscribers || renew.hasSubscribers || expire.hasSubscribers || conflict.hasSubscribers || error.hasSubscribers;
}

/** Something that is done to a session, and told once. */
class Operation {
  /**
   * @param {RequestDiagnostics} diagnostics
   * @param {Name} name
   * @param {SessionShape} [session] that is saved, destroyed or replaced
   * @param {boolean} [isEnd] whether it is what the end of the response does
   */
  constructor(diagnostics, name, session, isEnd = false) {
    const { request } = diagnostics;
    this.diagnostics = diagnostics;
    this.name = name;
    this.session = session;
    this.isOpen = true;
    /** Whether the session had ended when it was to be saved. */
    this.isGone = false;
    this.id = session === undefined ? request.req.sessionID : request.idOf(session);
    this.isNew = false;
    /** @type {number | undefined} */
    this.bytes = undefined;
    diagnostics.ids.add(this.id);
    /** Whether it ends a session. */
    this.endsSession = name === 'destroy' || name === 'regenerate';
    if (this.endsSession) diagnostics.endedIds.add(this.id);
    if (name === 'save' && session !== undefined) {
      diagnostics.saves.set(session, this);
      this.isNew = diagnostics.isNew(this.id);
      this.bytes = diagnostics.bytesOf(session, isEnd);
    }
    this.start = performance.now();
  }

  /**
   * Makes a callback that ends the operation.
   *
   * @param {Callback} callback
   * @returns {Callback}
   */
  hearing(callback) {
    const operation = this;
    /**
     * @this {unknown}
     * @param {any[]} results
     */
    return function heard(...results) {
      operation.end(results[0], results[1]);
      return callback.apply(this, results);
    };
  }

  /**
   * Ends a save, a touch, a destroy or a regenerate.
   *
   * @param {any} [error]
   * @param {unknown} [result] false for a session that was not stored
   */
  end(error, result) {
    if (!this.isOpen) return;
    const { diagnostics, endsSession, id, name } = this;
    const isGone = name === 'save' && (error ? error.code === 'ERR_SESSION_ENDED' : this.isGone || result === false);
    if (isGone || error) {
      if (endsSession) diagnostics.endedIds.delete(id);
      if (isGone) this.tell('gone');
      else this.tell('error', error);
      return;
    }
    if (name === 'save' && this.session !== undefined) {
      diagnostics.endedIds.delete(id);
      diagnostics.storedIds.add(id).add(diagnostics.request.idOf(this.session));
    } else if (endsSession) {
      diagnostics.storedIds.delete(id);
    }
    this.tell(OUTCOMES[/** @type {keyof typeof OUTCOMES} */ (name)]);
  }

  /**
   * Ends a load.
   *
   * @param {any} error
   * @param {unknown} [data]
   * @param {string} [ending] by which option the session has ended
   */
  endLoad(error, data, ending) {
    if (isFailure(error)) this.tell('error', error);
    else if (data && !error) this.tell('found');
    else this.tell(ending === undefined ? 'none' : 'expired');
  }

  /**
   * Ends a load by a session of another class, which gives an error, too, if the store has none.
   * @param {any} error
   */
  endReload(error) {
    this.endLoad(error?.message === 'failed to load session' ? undefined : error, !error);
  }

  /**
   * Ends the operation with an outcome, unless it has ended.
   *
   * @param {Outcome} outcome
   * @param {unknown} [error]
   */
  tell(outcome, error) {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { bytes, diagnostics, isNew, name } = this;
    const facts = { outcome, durationMs: performance.now() - this.start };
    if (outcome !== OUTCOMES.save) {
      diagnostics.publish(name, facts, error);
      return;
    }
    const stored = bytes === undefined ? facts : { ...facts, bytes };
    if (isNew) diagnostics.publish('create', { ...stored, outcome: 'created' });
    diagnostics.publish(name, stored);
  }

  /** Ends the operation without a message: nothing was done. */
  drop() {
    this.isOpen = false;
  }
}
