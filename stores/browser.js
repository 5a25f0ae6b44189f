'use strict';

const { Visitor } = require('../test-kit/client');

/** Longer than any store here needs; a request that takes this long hangs. */
const PATIENCE_MS = 8000;

/**
 * A browser that tells of what it sees.
 *
 * @typedef {{ status: number, body: any, cookies: string[] }} Answer
 */
class Browser {
  /**
   * @param {number} port
   * @param {(path: string, answer: Answer) => void} [saw] told of every answer
   */
  constructor(port, saw = () => {}) {
    this.visitor = new Visitor(port, { patience: PATIENCE_MS });
    this.saw = saw;
  }

  /** What the browser sends as Cookie; '' for none. */
  get cookie() {
    return this.visitor.jar.header;
  }

  set cookie(text) {
    this.visitor.jar.header = text;
  }

  /**
   * @param {string} path
   * @returns {Promise<Answer>} `status` is 0 if no answer came
   */
  async get(path) {
    const answer = await this.visitor.get(path).then(
      ({ status, body, cookies }) => ({ status, body: parsed(body), cookies }),
      (error) => ({ status: 0, body: reason(error), cookies: [] }),
    );
    this.saw(path, answer);
    return answer;
  }
}

function reason({ isHang, text, code }) {
  if (isHang) return 'hangs';
  return text === undefined ? code : 'broken off';
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

module.exports = Browser;
