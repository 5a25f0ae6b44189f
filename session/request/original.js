'use strict';

const dataJSON = require('./data-json');
const { DIFFERENT, UNSURE, snapshot, compare, restore } = require('./snapshot');

/** The data of a session as they were when its request came, to tell whether they have changed. */
class Original {
  /**
   * @param {string | undefined} text their JSON, if it is known
   * @param {object} [data] the data otherwise, which may change later
   */
  constructor(text, data) {
    this.list = data === undefined ? undefined : snapshot(data);
    this.text = text === undefined && this.list === undefined ? dataJSON(data) : text;
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
    if (verdict !== UNSURE) return { isSame: true, text: this.text };
    this.text ??= dataJSON(restore(this.list));
    const text = dataJSON(session);
    return { isSame: text === this.text, text };
  }
}

module.exports = Original;
