'use strict';

/**
 * One session, from the login to the logout, as its browser knows it. Values are
 * written in rising order, so what it may show is a range: from what was
 * acknowledged, or already shown, to what was sent.
 */
class Account {
  value = 0;
  count = 0;
  sent = { value: 0, count: 0 };
  /** Its logout was acknowledged, or that of a login in its place. */
  isOver = false;
  /** That is under way, or has failed: it may be there or not. */
  isUncertain = false;

  /**
   * @param {string} owner
   * @param {number} number of this session among its owner's
   */
  constructor(owner, number) {
    this.owner = owner;
    this.secret = `secret-of-${owner}-${number}`;
  }

  get promise() {
    const { value, count, isOver } = this;

    return { value, count, isOver };
  }
}

module.exports = Account;
