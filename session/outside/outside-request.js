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
   * A store that cannot tell whether it still has the session is read again, whatever it is that the
   * session may have become since.
   *
   * @override
   * @param {string | undefined} sid
   */
  mustFollow(sid) {
    const { loadedId, meta, settings: { store } } = this;
    const tells = typeof store.setIfPresent === 'function' && typeof store.setIfUnchanged === 'function';
    return sid === loadedId && (!tells || Boolean(meta?.mayBeRenewed(sid)));
  }
}

module.exports = OutsideRequest;
