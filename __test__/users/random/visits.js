'use strict';

/** Requests without a network, each of which goes on when it is told. */

const http = require('node:http');
const { Writable } = require('node:stream');

const NAME = 'connect.sid';

/** A request that has come, and the program that answers it. */
class Visit {
  /**
   * @param {Function} middleware
   * @param {string | undefined} cookie
   * @param {string} method
   */
  constructor(middleware, cookie, method) {
    this.middleware = middleware;
    const headers = cookie === undefined ? {} : { cookie: `${NAME}=${cookie}` };
    const socket = {};
    this.req = { url: '/', originalUrl: '/', method, headers, socket, connection: socket };
    this.res = new http.ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 });
    this.res.assignSocket(Object.assign(new Writable({ write(chunk, encoding, done) { done(); } }), { cork() {}, uncork() {} }));
    /** What the middleware has passed to `next`, as texts. */
    this.errors = [];
  }

  begin() {
    return new Promise((resolve) => {
      this.middleware(this.req, this.res, (error) => {
        if (error) this.errors.push(String(error));
        resolve();
      });
    });
  }

  /** Writes the headers and a part of the body. */
  async head() {
    if (!this.res.headersSent) this.res.writeHead(200);
    // With `commit: 'headers'`, it waits for the store.
    await new Promise((resolve) => { this.res.write('a', resolve); });
    await turns();
  }

  /** Ends the response, and waits for its last byte. */
  end() {
    return new Promise((resolve) => {
      this.res.once('finish', resolve);
      this.res.end('b');
    });
  }

  /** The value of the session cookie that the response sets; undefined if it sets none. */
  cookie() {
    for (const header of [].concat(this.res.getHeader('set-cookie') ?? [])) {
      const value = new RegExp(`^${NAME}=([^;]*)`).exec(header)?.[1];
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

const sidOf = (cookie) => (cookie === undefined ? undefined : /^s:([^.]+)\./.exec(decodeURIComponent(cookie))?.[1]);

/** Waits until all is done that nobody waits for. */
async function turns(count = 3) {
  for (; count > 0; count--) await new Promise(setImmediate);
}

module.exports = { Visit, sidOf, turns };
