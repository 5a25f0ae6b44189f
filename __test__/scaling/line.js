'use strict';

const net = require('node:net');
const { serve } = require('../../test-kit/app');
const { HOST } = require('../../test-kit/port');

/** A line between a client and a server, which can be disturbed. */
class Line {
  #pairs = new Set();
  #isHeld = false;
  #isSilent = false;

  /**
   * @param {import('node:test').TestContext} t closes it at its end
   * @param {number} port of the server
   * @returns {Promise<Line>} with the `url` of its near end, for a client of Redis
   */
  static async to(t, port) {
    const line = new Line();
    const { url, close } = await serve(net.createServer((near) => line.#join(near, net.connect(port, HOST))));
    t.after(() => {
      close();
      line.cut();
    });
    return Object.assign(line, { url: url.replace('http', 'redis') });
  }

  #join(near, far) {
    const pair = { near, far, waiting: [] };
    this.#pairs.add(pair);
    near.on('data', (bytes) => { if (!this.#isSilent) far.write(bytes); });
    far.on('data', (bytes) => {
      if (this.#isSilent) return;
      if (this.#isHeld) pair.waiting.push(bytes);
      else near.write(bytes);
    });
    for (const [end, other] of [[near, far], [far, near]]) {
      end.on('error', () => {});
      end.on('close', () => {
        other.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  /** Keeps back what the server sends, until `release`. */
  hold() {
    this.#isHeld = true;
  }

  /** Delivers what was kept back. */
  release() {
    this.#isHeld = false;
    for (const { near, waiting } of this.#pairs) for (const bytes of waiting.splice(0)) near.write(bytes);
  }

  /** Loses what either end sends from now on, and tells nobody, as a cable does that is pulled out. */
  silence() {
    this.#isSilent = true;
  }

  /** Closes the connections that there are. */
  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }
}

module.exports = Line;
