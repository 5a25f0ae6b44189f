'use strict';

/** Requests for the leak test: visitors that come, read, write and leave, on connections that stay. */

const assert = require('node:assert/strict');
const net = require('node:net');
const { cookieOf } = require('../../test-kit/jar');
const { HOST } = require('../../test-kit/port');

const CONNECTIONS = 8;
/** Requests under way on each connection, each of another visitor. */
const VISITORS = 16;

/** What a visitor does in a life; `abandon`, `destroy` and `unset` take turns as its end. */
const LIFE = ['/none', '/write', '/read', '/read', '/write', '/regenerate', '/read', '/write', '/none', '/write'];
const ENDS = ['/abandon', '/destroy', '/unset'];

class Visitor {
  constructor(number) {
    this.step = number % LIFE.length;
    this.lives = number;
    this.cookie = undefined;
    this.n = undefined;
  }

  request() {
    this.url = this.step < LIFE.length ? LIFE[this.step] : ENDS[this.lives % ENDS.length];
    // Now and then somebody comes with a cookie that is none.
    const cookie = this.cookie ?? (this.lives % 2 ? 'sid=s%3Aforged.x' : undefined);
    return `GET ${this.url} HTTP/1.1\r\nHost: a\r\n${cookie ? `Cookie: theme=dark; ${cookie}\r\n` : ''}\r\n`;
  }

  /** Checks an answer: a leak test of a server that only fails would find none. */
  answered(head, body) {
    const cookie = cookieOf(/^set-cookie: (.*)/im.exec(head)?.[1]);
    if (this.url === '/write') this.n = (this.n ?? 0) + 1;
    if (this.url === '/write' || this.url === '/read' || this.url === '/regenerate') assert.equal(body, String(this.n), this.url);
    if (cookie) this.cookie = cookie;
    this.step++;
    if (ENDS.includes(this.url)) {
      assert.match(body, /^(abandoned|destroyed|unset)$/);
      this.step = 0;
      this.lives++;
      this.cookie = undefined;
      this.n = undefined;
    }
  }
}

/** Asks for each visitor once at a time, until `isDone()` between two rounds. */
function connection(port, visitors, isDone) {
  return new Promise((resolve, reject) => {
    let buffered = '';
    let at = 0;
    const socket = net.connect(port, HOST).setEncoding('latin1').setNoDelay();
    const round = () => socket.write(visitors.map((visitor) => visitor.request()).join(''), 'latin1');
    const take = () => {
      const end = buffered.indexOf('\r\n\r\n');
      if (end < 0) return false;
      const head = buffered.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      if (buffered.length < end + 4 + length) return false;
      visitors[at++].answered(head, buffered.slice(end + 4, end + 4 + length));
      buffered = buffered.slice(end + 4 + length);
      return true;
    };
    socket.on('connect', round);
    socket.on('error', reject);
    socket.on('data', (text) => {
      buffered += text;
      try {
        while (take());
      } catch (error) {
        socket.destroy(error);
        return;
      }
      if (at < VISITORS) return;
      at = 0;
      if (!isDone(VISITORS)) return round();
      socket.end();
      resolve();
    });
    socket.on('close', () => reject(new Error('the connection was closed')));
  });
}

/**
 * Visitors of a server on this port.
 * @returns {(requests: number) => Promise<number>} has them make about that many more
 *   requests, and tells how many those were
 */
function crowd(port) {
  const groups = Array.from({ length: CONNECTIONS }, (_, at) =>
    Array.from({ length: VISITORS }, (__, of) => new Visitor(at * VISITORS + of)));
  return async (requests) => {
    let made = 0;
    const isDone = (more) => (made += more) >= requests;
    await Promise.all(groups.map((visitors) => connection(port, visitors, isDone)));
    return made;
  };
}

module.exports = crowd;
