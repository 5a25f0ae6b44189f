'use strict';

/** As JSON writes it, and as SQL does. */
const ISO_DATE = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?/g;
const GUID = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g;
const HTTP_DATE = /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g;
const SID = /(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])/g;
const SIGNED = /s(?::|%3A)([A-Za-z0-9_-]{32})\.[A-Za-z0-9%+/]{40,}/g;
/** Seconds or milliseconds since 1970, in this decade and the next. */
const EPOCH = /\b1[789]\d{8}(\d{3})?(\.\d+)?\b/g;
/** What CouchDB calls a revision: a number, and a hash of the document. */
const REVISION = /\b(\d+)-[0-9a-f]{32}\b/g;
const DAY_MS = 86400000;
/** Wider than what two runs differ in; the checks themselves wait for what is shorter. */
const GRAIN_MS = 60000;
const ODD_MS = 100;

/**
 * Makes what two runs saw comparable: session ids are numbered in the order of
 * their appearance, dates become distances from now.
 */
class Plain {
  #names = new Map();
  #hidden;
  #fleeting;

  /**
   * @param {Record<string, string>} [hidden] texts that differ by chance, to what they are called
   * @param {string[]} [fleeting] keys that come and go by chance
   */
  constructor(hidden = {}, fleeting = []) {
    this.#hidden = Object.entries(hidden);
    this.#fleeting = new Set(fleeting);
  }

  /** Numbers the ids from one again, so that a difference stays in its section. */
  restart() {
    this.#names.clear();
  }

  /**
   * @param {any} value whatever JSON can tell
   * @returns {any} a copy that knows neither ids nor the time
   */
  of(value) {
    const json = JSON.stringify(value);
    return json === undefined ? null : this.#walk(JSON.parse(json));
  }

  /** @param {string} text */
  text(text) {
    return this.#hidden.reduce((shown, [what, name]) => shown.replaceAll(what, name), text)
      .replace(SIGNED, (_, sid) => `s:${this.#name(sid)}.signature`)
      .replace(ISO_DATE, (date) => distance(Date.parse(`${date.replace(' ', 'T').replace('Z', '')}Z`)))
      .replace(HTTP_DATE, (date) => distance(Date.parse(date)))
      .replace(GUID, 'guid')
      .replace(REVISION, '$1-revision')
      .replace(EPOCH, 'about now')
      .replace(SID, (sid) => this.#name(sid));
  }

  #walk(value) {
    if (typeof value === 'string') return this.#string(value);
    if (typeof value === 'number') return plainNumber(value);
    if (Array.isArray(value)) return value.map((item) => this.#walk(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value)
      .filter(([key]) => !this.#fleeting.has(key))
      .map(([key, item]) => [this.text(key), this.#walk(item)]));
  }

  /** Many stores keep a session as JSON, and hand that out. */
  #string(value) {
    // A few keep the JSON of that JSON.
    if (!/^["{]/.test(value)) return this.text(value);
    try {
      return JSON.stringify(this.#walk(JSON.parse(value)));
    } catch {
      return this.text(value);
    }
  }

  #name(sid) {
    if (!this.#names.has(sid)) this.#names.set(sid, `sid${this.#names.size + 1}`);
    return this.#names.get(sid);
  }
}

function distance(time) {
  const minutes = Math.round((time - Date.now()) / GRAIN_MS);
  return minutes === 0 ? 'about now' : `now ${minutes < 0 ? '-' : '+'} ${Math.abs(minutes)} min`;
}

/** A time in ms or s near today is a date; a lifetime loses its odd ms. */
function plainNumber(value) {
  const now = Date.now();
  if (Math.abs(value - now) < 30 * DAY_MS) return distance(value);
  if (Math.abs(value * 1000 - now) < 30 * DAY_MS) return distance(value * 1000);
  return value > ODD_MS / 2 ? Math.round(value / ODD_MS) * ODD_MS : value;
}

module.exports = Plain;
