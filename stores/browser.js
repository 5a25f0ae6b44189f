'use strict';

const http = require('node:http');

/** Longer than any store here needs; a request that takes this long hangs. */
const PATIENCE_MS = 8000;

/**
 * A browser with one cookie jar.
 *
 * @typedef {{ status: number, body: any, cookies: string[] }} Answer
 */
class Browser {
  /**
   * @param {number} port
   * @param {(path: string, answer: Answer) => void} [saw] told of every answer
   */
  constructor(port, saw = () => {}) {
    this.port = port;
    this.saw = saw;
    /** What the browser sends as Cookie; '' for none. */
    this.cookie = '';
  }

  /**
   * @param {string} path
   * @returns {Promise<Answer>} `status` is 0 if no answer came
   */
  async get(path) {
    const answer = await this.#ask(path);
    // A response that expires the cookie does not occur in these apps.
    if (answer.cookies.length > 0) this.cookie = answer.cookies[0].split(';')[0];
    this.saw(path, answer);
    return answer;
  }

  #ask(path) {
    return new Promise((resolve) => {
      const request = http.get({
        host: '127.0.0.1',
        port: this.port,
        path,
        agent: false,
        headers: this.cookie ? { cookie: this.cookie } : {},
      }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => { text += chunk; });
        response.on('error', () => { lost('broken off'); });
        response.on('end', () => {
          clearTimeout(timer);
          const cookies = response.headers['set-cookie'] ?? [];
          resolve({ status: response.statusCode, body: parsed(text), cookies });
        });
      });
      const lost = (body) => {
        clearTimeout(timer);
        resolve({ status: 0, body, cookies: [] });
      };
      request.on('error', (error) => { lost(error.code); });
      const timer = setTimeout(() => {
        lost('hangs');
        request.destroy();
      }, PATIENCE_MS);
    });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

module.exports = Browser;
