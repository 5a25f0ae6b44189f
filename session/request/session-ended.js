'use strict';

/** The error of a session that was destroyed or has expired while a request used it. */
class SessionEnded extends Error {
  constructor() {
    super('the session has ended');
    this.name = 'SessionEnded';
    this.code = 'ERR_SESSION_ENDED';
  }

  /**
   * Returns what a program hears of a save, which is an error if the session had ended.
   *
   * @param {any[]} results what the store's `set`, `setIfPresent` or `setIfUnchanged` has called back with
   * @returns {any[]}
   */
  static heard([error, isStored]) {
    return [!error && isStored === false ? new SessionEnded() : error];
  }
}

module.exports = SessionEnded;
