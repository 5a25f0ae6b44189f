'use strict';

const Browser = require('./browser');

/** Between two steps of a browser at most, in ms. */
const PAUSE = 40;

/** In a row that a browser succeeds in, for it to be well. */
const ROW = 3;

/** Browsers that log in, write, read and log out until they are told to rest. */
class Crowd {
  #isOver = false;
  #rest;
  #resting = 0;
  #walks;

  /**
   * @param {string} url
   * @param {import('./ledger')} ledger
   * @param {{ size?: number, patience?: number }} [options]
   */
  constructor(url, ledger, { size = 32, patience } = {}) {
    this.ledger = ledger;
    this.browsers = Array.from({ length: size }, (_, i) => new Browser(`b${i}`, url, ledger, patience));
    this.rows = this.browsers.map(() => 0);
  }

  go() {
    this.#walks = Promise.all(this.browsers.map((browser, i) => this.#walk(browser, i)));
  }

  async #walk(browser, i) {
    while (!this.#isOver) {
      this.rows[i] = await step(browser) ? this.rows[i] + 1 : 0;
      await pause(Math.random() * PAUSE);
      if (this.#rest) {
        this.#resting++;
        await this.#rest;
        this.#resting--;
      }
    }
  }

  /**
   * Until every browser has succeeded several times in a row, from now on.
   * @param {number} ms how long that may take
   * @returns {Promise<boolean>} whether it has come to that
   */
  async areWell(ms) {
    this.rows.fill(0);
    for (const end = Date.now() + ms; Date.now() < end; await pause(PAUSE)) {
      if (this.rows.every((row) => row >= ROW)) return true;
    }
    return false;
  }

  /** Does something while no browser has a request under way. */
  async whileAtRest(action) {
    let resume;

    this.#rest = new Promise((resolve) => { resume = resolve; });
    while (this.#resting < this.browsers.length) await pause(1);
    await action();
    this.#rest = undefined;
    resume();
  }

  /**
   * Reads every session in every process, and tries the cookies of those that
   * are over. While the crowd is at rest, nothing that it shows is in flux.
   * @param {string[]} doors of the processes
   */
  audit(doors) {
    return this.whileAtRest(async () => {
      for (const door of doors) {
        await Promise.all(this.browsers.map(async (browser) => {
          if (browser.account) await browser.read(undefined, door);
          for (const of of browser.over) await browser.read(of, door);
        }));
      }
    });
  }

  async stop() {
    this.#isOver = true;
    await this.#walks;
    for (const browser of this.browsers) browser.close();
  }
}

/** @returns {Promise<boolean>} whether all of it succeeded */
async function step(browser) {
  if (!browser.account) return browser.logIn();

  const choice = Math.random();

  if (choice < 0.45) return browser.write();
  if (choice < 0.78) return browser.read();
  if (choice < 0.93) return (await Promise.all([browser.write(), browser.read()])).every(Boolean);
  if (choice < 0.95) return browser.logIn();
  if (choice < 0.98 || browser.over.length === 0) return browser.logOut();
  return browser.read(browser.over[Math.floor(Math.random() * browser.over.length)]);
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

module.exports = Crowd;
module.exports.pause = pause;
