'use strict';

const http = require('node:http');

const { ask } = require('../../test-kit/client');
const { Jar } = require('../../test-kit/jar');

/**
 * Sends requests to one server and keeps what came back: status, headers as
 * they were on the wire, body.
 */
class Visit {
  /** @param {number} port */
  constructor(port) {
    this.port = port;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    this.records = [];
  }

  /** A browser: it has a cookie jar of its own. */
  browser() {
    const jar = new Jar();
    const request = (method, path, options) => this.#request(jar, method, path, options);

    return {
      jar,
      get: (path, options) => request('GET', path, options),
      head: (path) => request('HEAD', path),
      form: (path, fields) => request('POST', path, {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(fields).toString(),
      }),
      json: (path, value, headers) => request('POST', path, {
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(value),
      }),
    };
  }

  close() {
    this.agent.destroy();
  }

  async #request(jar, method, path, { headers = {}, body = '' } = {}) {
    const answer = await ask(this.port, path, {
      method, body, jar, agent: this.agent, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
    });
    const record = recorded(method, path, answer);

    this.records.push(record);
    return record;
  }
}

/** What is kept of an answer. @param {import('../../test-kit/client').Answer} answer */
function recorded(method, path, { status, message, rawHeaders, body }) {
  return {
    request: `${method} ${path}`,
    status: `${status} ${message}`,
    headers: rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name, rawHeaders[i + 1]]])),
    body,
  };
}

module.exports = { Visit, recorded };
