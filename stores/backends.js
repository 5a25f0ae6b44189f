'use strict';

const { discard, temporaryFolder } = require('../test-kit/folder');

/**
 * The servers of one run of the suite. Each is started when a row needs it.
 *
 * @typedef {object} Backend what a file of `backends` starts
 * @property {number} port
 * @property {() => Promise<void>} stop
 * @property {() => Promise<object>} [fresh] an empty database for one run of one
 *   row, told as settings; without it the server is started anew for each
 */
class Backends {
  /** @type {Map<string, Backend & { folder: string }>} */
  #running = new Map();
  /** Those that start now, whom `stopAll` waits for. */
  #starting = new Set();
  #isOver = false;

  /**
   * @param {string | undefined} name
   * @param {string} lane there is one server for each, since they are emptied
   * @returns {Promise<object>} what the store needs to know
   */
  async settings(name, lane) {
    if (this.#isOver) throw new Error('the suite was stopped');
    if (!name || Backends.isDouble(name)) return {};
    const key = `${name}-${lane}`;
    if (this.#running.has(key) && !this.#running.get(key).fresh) await this.stop(key);
    if (!this.#running.has(key)) await this.#started(name, key);
    const { port, fresh } = this.#running.get(key);
    return { port, ...await fresh?.() };
  }

  async #started(name, key) {
    const start = this.#start(name, key);
    this.#starting.add(start);
    await start.finally(() => { this.#starting.delete(start); });
  }

  async #start(name, key) {
    const folder = temporaryFolder(key);
    try {
      const backend = await require(`./backends/${name}`)(folder);
      this.#running.set(key, Object.assign(backend, { folder }));
    } catch (error) {
      discard(folder);
      throw error;
    }
  }

  /** @param {string} key */
  async stop(key) {
    const backend = this.#running.get(key);
    if (!backend) return;
    this.#running.delete(key);
    await backend.stop();
    discard(backend.folder);
  }

  /**
   * A double stands for the client of a server in the store's own process, and needs no start.
   * @param {string} [name]
   */
  static isDouble(name = '') {
    return name.startsWith('double of ');
  }

  /** For good. */
  async stopAll() {
    this.#isOver = true;
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#running.keys()].map((key) => this.stop(key)));
  }
}

module.exports = Backends;
