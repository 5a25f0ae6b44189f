'use strict';

const kit = require('../../test-kit/client');

const PAGE = /id="count">(\d+)<(?:.|\n)*?(?:id="user">([^<]*)<|$)/;

/** How long an answer may take before the request counts as failed, in ms. */
const PATIENCE = 20000;

/** A browser that knows what the site has promised it. */
class Visitor {
  /** Counts that the site said it has stored. */
  acknowledged = 0;
  /** Counts that failed: each of them may have been stored nevertheless. */
  uncertain = 0;

  constructor(url) {
    this.url = url;
    this.browser = new kit.Visitor(url, { patience: PATIENCE });
  }

  /** What it sends as Cookie; '' for none. */
  get cookie() {
    return this.browser.jar.header;
  }

  set cookie(text) {
    this.browser.jar.header = text;
  }

  /** From now on it visits another site with its cookie. */
  goTo(url) {
    this.browser.port = Number(new URL(url).port);
  }

  /**
   * One request on a connection of its own.
   * @returns {Promise<{ status: number, number: string, body: string }>}
   *   `number` of the process that answered
   */
  async request(method, path, form) {
    const { status, headers, body } = await this.browser.ask(method, path, { form });

    return { status, number: headers['x-process'], body };
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
