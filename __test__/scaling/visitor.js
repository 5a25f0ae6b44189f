'use strict';

const http = require('node:http');
const { once } = require('node:events');

const PAGE = /id="count">(\d+)<(?:.|\n)*?(?:id="user">([^<]*)<|$)/;

/** How long an answer may take before the request counts as failed, in ms. */
const PATIENCE = 20000;

/** A browser: keeps its cookie, and knows what the site has promised it. */
class Visitor {
  /** Counts that the site said it has stored. */
  acknowledged = 0;
  /** Counts that failed: each of them may have been stored nevertheless. */
  uncertain = 0;
  cookie = undefined;

  constructor(url) {
    this.url = url;
  }

  /**
   * One request on a connection of its own.
   * @returns {Promise<{ status: number, number: string, body: string }>}
   *   `number` of the process that answered
   */
  async request(method, path, fields) {
    const body = fields && String(new URLSearchParams(fields));
    const request = http.request(new URL(path, this.url), {
      method,
      agent: false,
      timeout: PATIENCE,
      headers: {
        ...(this.cookie && { cookie: this.cookie }),
        ...(body && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
    });

    request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path}`)));
    request.end(body);

    const [response] = await once(request, 'response');
    let text = '';

    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    for (const line of response.headers['set-cookie'] || []) this.cookie = line.split(';')[0];

    return { status: response.statusCode, number: response.headers['x-process'], body: text };
  }

  /** Presses the button. Throws if the site does not say that it counted. */
  async count() {
    this.uncertain++;
    const answer = await this.request('POST', '/count');

    if (answer.status !== 303) throw new Error(`status ${answer.status} for a count`);
    this.uncertain--;
    this.acknowledged++;
    return answer;
  }

  async logIn(name) {
    const answer = await this.request('POST', '/login', { name });

    if (answer.status !== 303) throw new Error(`status ${answer.status} for a login`);
    return answer;
  }

  /** What the page shows. Throws if there is none. */
  async look() {
    const answer = await this.request('GET', '/');

    if (answer.status !== 200) throw new Error(`status ${answer.status} for the page`);

    const [, count, user] = answer.body.match(PAGE);

    return { ...answer, count: Number(count), user };
  }

  /** The key of its session in Redis. */
  get key() {
    return `sess:${decodeURIComponent(this.cookie.split('=')[1]).slice('s:'.length).split('.')[0]}`;
  }
}

module.exports = Visitor;
