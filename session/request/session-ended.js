'use strict';

/** The error of a session that was destroyed or has expired while a request used it. */
class SessionEnded extends Error {
  constructor() {
    super('the session has ended');
    this.name = 'SessionEnded';
    this.code = 'ERR_SESSION_ENDED';
  }
}

module.exports = SessionEnded;
