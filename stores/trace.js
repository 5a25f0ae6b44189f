'use strict';

const Plain = require('./plain');

/** Everything the middleware, or a program, may call on a store. */
const METHODS = ['get', 'set', 'touch', 'destroy', 'all', 'length', 'ids', 'clear',
  'load', 'regenerate', 'createSession', 'generate'];

/** Nobody reads what these answer, beyond an error. */
const UNREAD = new Set(['set', 'touch', 'destroy', 'clear']);

/** These answer with many sessions, in the order of their random ids. */
const UNORDERED = new Set(['all', 'ids']);

/**
 * What a store was asked and what it answered, and what browsers saw, in the
 * order of the questions, check by check.
 */
class Trace {
  #plain;
  #isDeaf = false;
  /** @type {{ section: string, entries: object[] }[]} */
  sections = [];

  /** For the parameters see `Plain`. */
  constructor(hidden, fleeting) {
    this.#plain = new Plain(hidden, fleeting);
  }

  /** @param {string} section the name of a check */
  begin(section) {
    this.#isDeaf = false;
    this.#plain.restart();
    this.sections.push({ section, entries: [] });
  }

  /** Ids do not count, and neither does the order, in what just ran in parallel. */
  shuffle() {
    const last = this.sections.at(-1);
    last.entries = last.entries.map(withoutNumbers).sort(byText);
  }

  /** @param {object} entry */
  add(entry) {
    if (!this.#isDeaf) this.sections.at(-1)?.entries.push(entry);
  }

  /** Until the next section nothing is taken down. */
  end() {
    this.#isDeaf = true;
  }

  /** @param {any} value */
  plain(value) {
    return this.#plain.of(value);
  }

  /**
   * Listens to a store; it stays the same object with the same behaviour.
   * @param {object} store
   * @param {string[]} [names]
   */
  listen(store, names = METHODS) {
    for (const name of names) {
      if (typeof store[name] === 'function') store[name] = this.#heard(name, store[name]);
    }
  }

  #heard(name, method) {
    const trace = this;
    return function heard(...args) {
      const entry = { call: name, args: args.map((arg) => trace.#argument(arg)) };
      trace.add(entry);
      const last = args.length - 1;
      const callback = args[last];
      if (typeof callback === 'function') {
        args[last] = function answered(error, answer, ...rest) {
          entry.answer = trace.#answer(name, error, answer);
          return callback.call(this, error, answer, ...rest);
        };
      }
      return method.apply(this, args);
    };
  }

  /** A request goes by its name: what it carries is the app's. */
  #argument(arg) {
    if (typeof arg === 'function') return 'callback';
    if (arg && typeof arg === 'object' && 'sessionStore' in arg) return 'request';
    return this.plain(arg);
  }

  #answer(name, error, answer) {
    if (error) return { error: this.#plain.text(String(error.message ?? error)), code: error.code };
    if (UNREAD.has(name)) return 'done';
    if (!UNORDERED.has(name) || !answer || typeof answer !== 'object') return this.plain(answer);
    return Object.values(this.plain(answer)).map(withoutNumbers).sort(byText);
  }
}

function withoutNumbers(entry) {
  return JSON.parse(JSON.stringify(entry).replace(/sid\d+/g, 'sid'));
}

function byText(a, b) {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

module.exports = Trace;
