'use strict';

const RequestSession = require('../request');
const { isRequest } = require('./detached');

/**
 * The `RequestSession` of a session that a program has loaded or created without a response. Nothing
 * happens to such a session by itself: there is no end of a response, and no cookie.
 */
class OutsideRequest extends RequestSession {
  /** @override */
  hasBrowser() {
    return isRequest(this.req);
  }

  /**
   * A session is read again before it is stored if its id may be an old one, or if the store need not tell
   * whether it has stored the session.
   *
   * @override
   * @param {string | undefined} sid
   */
  mustFollow(sid) {
    const { loadedId, meta, settings: { resident, store, users } } = this;
    const tells = typeof store.setIfPresent === 'function' && (resident !== undefined || users !== undefined);
    return sid === loadedId && (!tells || Boolean(meta?.mayBeRenewed(sid)));
  }
}

module.exports = OutsideRequest;
