import session, { Store } from 'express-session';
import Cookie from 'express-session/session/cookie.js';

/** A store written as an ES module. */
export default class EsmStore extends Store {
  texts = new Map();
  calls = [];

  async get(sid, callback) {
    this.calls.push(`get ${sid}`);
    await null;
    callback(null, this.texts.has(sid) ? JSON.parse(this.texts.get(sid)) : null);
  }

  async set(sid, session, callback) {
    this.texts.set(sid, JSON.stringify(session));
    this.calls.push(`set ${sid} ${this.texts.get(sid)}`);
    await null;
    callback(null);
  }

  async destroy(sid, callback) {
    this.calls.push(`destroy ${sid}`);
    this.texts.delete(sid);
    await null;
    callback(null);
  }

  touch(sid, session, callback) {
    this.calls.push(`touch ${sid}`);
    setTimeout(callback, 1);
  }
}

/** Whether this package got the very classes that the program has. */
export function seen(theirs) {
  return [session === theirs, Store === theirs.Store, Cookie === theirs.Cookie];
}
