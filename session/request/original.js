'use strict';

/** @import { SessionData } from '../types' */

const dataJSON = require('./data-json');
const { DIFFERENT, UNSURE, snapshot, compare, restore } = require('./snapshot');

/** The data of a session as they were when its request came, to see whether they have changed. */
class Original {
  /**
   * @param {string | undefined} text the JSON of the data without the cookie, if it is known
   * @param {SessionData | Record<string, any>} [data] the data, if `text` is not known or the
   *   data were parsed anyway. They may change later.
   * @param {string} [omitted] a key that is no data, and is left out of what is compared
   * @throws what `JSON.stringify` throws
   */
  constructor(text, data, omitted) {
    this.omitted = omitted;
    this.list = data === undefined ? undefined : snapshot(data, omitted);
    this.text = text === undefined && this.list === undefined ? dataJSON(/** @type {SessionData} */ (data), omitted) : text;
  }

  /**
   * Returns whether the data of a session are still the original ones, and the JSON of the data
   * now, if it was made or was known.
   *
   * @param {SessionData} session
   * @returns {{ isSame: boolean, text: string | undefined }}
   * @throws what `JSON.stringify` throws
   */
  compare(session) {
    const { list, omitted } = this;
    if (list !== undefined) {
      const end = compare(session, list, omitted);
      if (end === DIFFERENT) return { isSame: false, text: undefined };
      if (end !== UNSURE) return { isSame: true, text: this.text };
      this.text ??= dataJSON(/** @type {SessionData} */ (restore(list)));
    }
    const text = dataJSON(session, omitted);
    return { isSame: text === this.text || (omitted !== undefined && this.isSameWithout(omitted, text)), text };
  }

  /**
   * Whether the original text may have a key that is left out, and is `text` without it.
   *
   * @param {string} omitted
   * @param {string} text
   */
  isSameWithout(omitted, text) {
    return this.text !== undefined && this.text.includes(`"${omitted}"`) && dataJSON(JSON.parse(this.text), omitted) === text;
  }
}

module.exports = Original;
