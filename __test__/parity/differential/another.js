'use strict';

/**
 * A visitor whose request is handled, without HTTP, in the middle of another one's, and
 * who has a session, so that no id is made: which one comes first is nobody's promise.
 */
const { describe, describeError, textOf } = require('./values');

const SID = 'another-visitor';
const COOKIE = { originalMaxAge: 1_234_000, httpOnly: false, path: '/another' };

function createAnother(run, { forger, middlewares, requestSecret, storeOf }) {
  return {
    /** Stores the visitor's session, where there is a store yet. */
    prepare() {
      const expires = new Date(Date.now() + COOKIE.originalMaxAge).toISOString();
      const session = { cookie: { ...COOKIE, expires }, user: SID };
      const store = storeOf();
      this.isThere = Boolean(store);
      if (store) store.set(SID, session, () => {});
    },

    handle(visit) {
      // a MemoryStore of ours makes the session in this turn, and a replaced method would tell
      if (!this.isThere || run.patched.has('Store.prototype.createSession')) return;
      const req = {
        method: 'GET',
        url: visit.request.target,
        headers: { cookie: forger.cookieOf(SID) },
        connection: {},
        secret: requestSecret,
      };
      try {
        middlewares[0](req, {}, (err) => {
          visit.others.push(err ? describeError(err) : { id: describe(req.sessionID), session: textOf(req.session) });
        });
      } catch (err) {
        visit.others.push(`threw ${describeError(err)}`);
      }
    },
  };
}

module.exports = { createAnother };
