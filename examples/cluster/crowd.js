'use strict';

const { setTimeout: pause } = require('node:timers/promises');

const { Visitor } = require('../../test-kit/client');

/** Times, in ms: how long a visitor looks at a page, and waits for an answer. */
const LOOK = 30;
const PATIENCE = 3000;

/** How often a request is sent until it is taken for one that nobody will answer. */
const TRIES = 20;

/** Visitors who log in, count their page views, and notice what the app has forgotten. */
class Crowd {
  answers = 0;
  /** How many requests were sent again, because nobody answered. */
  repeated = 0;
  lostSessions = 0;
  lostViews = 0;

  /**
   * @param {number} port
   * @param {number} count of the visitors
   * @param {AbortSignal} over when they leave
   */
  constructor(port, count, over) {
    this.over = over;
    this.visitors = Array.from({ length: count }, () => (
      { browser: new Visitor(port, { patience: PATIENCE }), views: 0, isLost: false }
    ));
  }

  /** Lets all of them use the app until it is over. */
  async visit() {
    await Promise.all(this.visitors.map(async (visitor) => {
      await this.#ask(() => visitor.browser.post('/login', { name: 'ada', password: 'sesame' }));
      do {
        await this.#lookAt(visitor);
        await pause(LOOK);
      } while (!this.over.aborted);
    }));
  }

  /** Lets each have a last look. */
  async look() {
    for (const visitor of this.visitors) await this.#lookAt(visitor);
  }

  /** One page view: the visitor must be logged in still, and no view that was shown may be missing. */
  async #lookAt(visitor) {
    const { body } = await this.#ask(() => visitor.browser.get('/'));
    const views = Number(/id="views">(\d+)</.exec(body)?.[1]);

    if (!body.includes('Ada Lovelace')) {
      // Each session is lost once.
      if (!visitor.isLost) this.lostSessions++;
      visitor.isLost = true;
    } else if (!(views > visitor.views)) {
      this.lostViews++;
    }
    visitor.views = views;
  }

  /** Sends a request until somebody answers it. */
  async #ask(send) {
    for (let tries = 1; ; tries++) {
      let answer;

      try {
        answer = await send();
      } catch (error) {
        if (tries === TRIES) throw error;
        this.repeated++;
        await pause(LOOK);
        continue;
      }
      if (answer.status >= 500) throw new Error(`The app has answered with the status ${answer.status}.`);
      this.answers++;
      return answer;
    }
  }
}

module.exports = Crowd;
