'use strict';

const http = require('node:http');
const { once } = require('node:events');

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
    const jar = new Map();
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
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    const request = http.request({
      host: '127.0.0.1',
      port: this.port,
      agent: this.agent,
      method,
      path,
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body), ...(cookie && { Cookie: cookie }) },
    });

    request.end(body);

    const [response] = await once(request, 'response');
    response.setEncoding('utf8');

    let text = '';
    for await (const chunk of response) text += chunk;

    for (const line of response.headers['set-cookie'] || []) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      jar.set(name, value);
    }

    const record = {
      request: `${method} ${path}`,
      status: `${response.statusCode} ${response.statusMessage}`,
      headers: pairs(response.rawHeaders),
      body: text,
    };

    this.records.push(record);
    return record;
  }
}

function pairs(flat) {
  const list = [];
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i], flat[i + 1]]);
  return list;
}

module.exports = { Visit };
