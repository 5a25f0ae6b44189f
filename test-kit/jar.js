'use strict';

/**
 * The cookies of one browser: their names, and their values as they are on the wire. What a
 * server takes back, by a date in the past, is forgotten; no clock is looked at later.
 * @extends {Map<string, string>}
 */
class Jar extends Map {
  /** The Set-Cookie header that it took last, with its attributes. @type {string | undefined} */
  last;

  /**
   * Takes what a response sets.
   * @param {string[]} [lines] its Set-Cookie headers
   */
  take(lines = []) {
    for (const line of lines) {
      const { name, value } = read(line) ?? {};
      if (name === undefined) continue;
      this.last = line;
      if (isTakenBack(line)) this.delete(name);
      else this.set(name, value);
    }
  }

  /** What the browser sends as Cookie; '' for none. What is put here takes the place of all it has. */
  get header() {
    return Array.from(this, (pair) => pair.join('=')).join('; ');
  }

  set header(text) {
    this.clear();
    if (text) this.take(text.split('; '));
  }
}

/**
 * Reads a Set-Cookie header.
 * @param {string} line
 * @returns {{ name: string, value: string } | undefined} undefined without `=`, which makes it
 *   no cookie: RFC 6265, section 5.2
 */
function read(line) {
  return /^(?<name>[^=;]*)=(?<value>[^;]*)/.exec(line)?.groups;
}

function isTakenBack(line) {
  const [, age] = /;\s*max-age=(-?\d+)/i.exec(line) ?? [];
  if (age) return Number(age) <= 0;
  const [, date] = /;\s*expires=([^;]*)/i.exec(line) ?? [];
  return Date.parse(date) <= Date.now();
}

/**
 * What a browser sends back of a Set-Cookie header, or of several.
 * @param {string | string[]} [lines]
 * @returns {string} as Cookie; '' for none
 */
function cookieOf(lines = []) {
  const jar = new Jar();
  jar.take([lines].flat());
  return jar.header;
}

module.exports = { Jar, cookieOf, read };
