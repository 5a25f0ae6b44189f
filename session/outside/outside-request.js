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
   * A session is read again before it is stored if its id may be an old one, or if the store has nothing but
   * `set`, which would store a session again that is gone.
   *
   * @override
   * @param {string | undefined} sid
   */
  mustFollow(sid) {
    const { loadedId, meta, settings: { store } } = this;
    return sid === loadedId && (typeof store.setIfPresent !== 'function' || Boolean(meta?.mayBeRenewed(sid)));
  }
}

module.exports = OutsideRequest;
