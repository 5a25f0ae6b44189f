'use strict';

const fingerprint = require('./fingerprint');
const { SAME, DIFFERENT, UNSURE, snapshot, compare, restore } = require('./snapshot');

/** The data of a session as they were when its request came, to tell whether they have changed. */
class Original {
  /**
   * @param {string | undefined} text their JSON, if it is known
   * @param {Array} [list] a snapshot of them, without a text
   */
  constructor(text, list) {
    this.text = text;
    this.list = list;
  }

  /** The original of what a store had, which may change later, or of a new session, which has few data. */
  static of(data, isNew) {
    const list = isNew ? undefined : snapshot(data);
    return new Original(list === undefined ? fingerprint(data) : undefined, list);
  }

  /**
   * Whether a session's data are what they were; and their JSON, if it is known by then.
   *
   * @param {object} session
   * @returns {{ isSame: boolean, text: string | undefined }}
   * @throws what `JSON.stringify` throws
   */
  compare(session) {
    const verdict = this.list === undefined ? UNSURE : compare(session, this.list);
    if (verdict === DIFFERENT) return { isSame: false, text: undefined };
    if (verdict === SAME) return { isSame: true, text: this.text };
    this.text ??= fingerprint(restore(this.list));
    const text = fingerprint(session);
    return { isSame: text === this.text, text };
  }
}

module.exports = Original;
