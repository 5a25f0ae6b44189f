'use strict';

const { unknown } = require('./unknown');

/** A database that understands the few statements of one store, and no other. */
class Statements {
  #client;
  #known;

  /**
   * @param {string} client
   * @param {Record<string, (params: any, ...parts: string[]) => any>} known statement to
   *   what it does; `$` stands for a part that varies, and is told
   */
  constructor(client, known) {
    this.#client = client;
    this.#known = Object.entries(known).map(([text, run]) => [pattern(text), run]);
  }

  /**
   * @param {string} statement
   * @param {any} [params]
   */
  run(statement, params) {
    const text = statement.replace(/\s+/g, ' ').trim();
    for (const [known, run] of this.#known) {
      const parts = known.exec(text);
      if (parts) return run(params, ...parts.slice(1));
    }
    throw unknown(this.#client, text);
  }
}

function pattern(text) {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('\\$', '(\\S+?)');
  return new RegExp(`^${escaped}$`);
}

module.exports = Statements;
