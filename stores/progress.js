'use strict';

/** One line that is written over on a terminal, and one line per row in a log. */
class Progress {
  #total;
  #done = 0;
  #begun = Date.now();

  /** @param {number} total rows */
  constructor(total) {
    this.#total = total;
  }

  /** @param {string} text what happens now */
  tell(text) {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\x1b[2K${this.#head()} ${text}`);
  }

  /**
   * @param {string} name
   * @param {string} outcome
   */
  done(name, outcome) {
    this.#done += 1;
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
    process.stderr.write(`${this.#head()} ${name}: ${outcome}\n`);
  }

  #head() {
    const seconds = Math.round((Date.now() - this.#begun) / 1000);
    return `[${this.#done}/${this.#total}, ${seconds} s]`;
  }
}

module.exports = Progress;
