'use strict';

/** What many servers are to a store: values by key, some of which end by themselves. */
class Expiring {
  #entries = new Map();

  /**
   * @param {string} key
   * @param {any} value kept as JSON, since no server keeps the object itself
   * @param {number} [ms] how long; for good if left out
   */
  set(key, value, ms) {
    this.#entries.set(key, { json: JSON.stringify(value), end: endOf(ms) });
  }

  /** @param {string} key */
  get(key) {
    const entry = this.#alive(key);
    return entry && JSON.parse(entry.json);
  }

  /**
   * @param {string} key
   * @param {number} [ms]
   * @returns {boolean} whether there was anything to keep for longer
   */
  touch(key, ms) {
    const entry = this.#alive(key);
    if (entry) entry.end = endOf(ms);
    return Boolean(entry);
  }

  /**
   * @param {string} key
   * @returns {boolean} whether there was anything to delete
   */
  delete(key) {
    return Boolean(this.#alive(key)) && this.#entries.delete(key);
  }

  clear() {
    this.#entries.clear();
  }

  /** @returns {any[]} */
  values() {
    return [...this.#entries.keys()].map((key) => this.get(key)).filter((value) => value !== undefined);
  }

  #alive(key) {
    const entry = this.#entries.get(key);
    if (entry && entry.end > Date.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

/** @param {number} [ms] */
function endOf(ms) {
  return ms === undefined ? Infinity : Date.now() + ms;
}

module.exports = Expiring;
