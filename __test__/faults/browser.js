'use strict';

const http = require('node:http');

const Account = require('./account');
const { ask } = require('../../test-kit/client');
const { Jar } = require('../../test-kit/jar');

/** How long an answer may take before it counts as never given, in ms. No fault takes so long. */
const PATIENCE = 20000;

/** How many cookies of sessions that are over are kept, to be tried again. */
const KEPT = 4;

/** A browser that keeps its connection and its cookie, and has one session at a time. */
class Browser {
  logins = 0;
  jar = new Jar();
  /** The session that the cookie is of. @type {Account | undefined} */
  account = undefined;
  /** @type {{ account: Account, cookie: string }[]} */
  over = [];

  constructor(owner, url, ledger, patience = PATIENCE) {
    this.owner = owner;
    this.url = url;
    this.ledger = ledger;
    this.patience = patience;
    this.agent = new http.Agent({ keepAlive: true });
  }

  get cookie() {
    return this.jar.header;
  }

  /**
   * Also while it is logged in: that session is over then.
   * @returns {Promise<boolean>} whether it is logged in now, with a session of its own
   */
  async logIn() {
    const account = new Account(this.owner, ++this.logins);
    const { account: before, cookie, owner } = this;
    const what = 'login';

    // Until it has succeeded, nobody knows what the cookie is of.
    this.account = undefined;
    if (before) before.isUncertain = true;

    const answer = await this.ask('POST', '/login', { owner, secret: account.secret }, { what });

    if (!answer) return false;
    if (!this.ledger.check(account, account.promise, answer.shown, answer.isExcused, what)) return false;
    if (this.cookie === cookie) {
      this.ledger.find('wrong', `login of ${owner} kept its cookie`);
      return false;
    }
    this.account = account;
    if (before) this.end(before, cookie);
    this.ledger.answered++;
    return true;
  }

  /** Writes what was never written before. */
  async write() {
    const { account } = this;
    const { count } = account;
    const value = ++account.sent.value;

    account.sent.count++;

    const answer = await this.ask('POST', '/write', { value }, { what: 'write' });

    if (!answer) return false;

    const promised = { value, count: count + 1, isOver: false };
    const isRight = this.ledger.check(account, promised, answer.shown, answer.isExcused, 'write');

    if (isRight) this.ledger.answered++;
    return isRight;
  }

  /**
   * @param {{ account: Account, cookie: string }} [of] this session
   * @param {string} [url] of a process, without nginx
   */
  async read({ account, cookie } = this, url = this.url) {
    const { promise } = account;
    const answer = await this.ask('GET', '/read', {}, { what: 'read', cookie, url });

    if (!answer) return false;

    const isRight = this.ledger.check(account, promise, answer.shown, answer.isExcused, 'read');

    if (isRight) this.ledger.answered++;
    return isRight;
  }

  async logOut() {
    const { account, cookie } = this;

    account.isUncertain = true;
    this.account = undefined;
    if (!await this.ask('POST', '/logout', {}, { what: 'logout' })) return false;
    this.end(account, cookie);
    // A login with the old cookie would end that session if the logout has not.
    if (Math.random() < 0.5) this.jar.clear();
    this.ledger.answered++;
    return true;
  }

  /** Whoever tries the cookie from now on must not be let in. */
  end(account, cookie) {
    account.isOver = true;
    this.over = [...this.over, { account, cookie }].slice(-KEPT);
  }

  /**
   * One request. What fails is put down in the ledger.
   * @returns {Promise<{ shown: object, isExcused: boolean } | undefined>} undefined if it failed
   */
  async ask(method, path, query, { what, cookie = this.cookie, url = this.url }) {
    const { ledger, owner } = this;
    const isExcused = ledger.send();
    const said = `${what} of ${owner}`;

    try {
      const { status, headers, cookies, body } = await ask(new URL(url).port, `${path}?${new URLSearchParams(query)}`, {
        method, headers: cookie ? { cookie } : {}, agent: this.agent, patience: this.patience,
      });

      ledger.inspect(owner, body + JSON.stringify(headers), said);
      this.jar.take(cookies);
      if (cookies.length > 0) ledger.claim(owner, this.cookie, said);
      if (status === 200 || status === 401) return { shown: JSON.parse(body), isExcused: isExcused() };
      ledger.fail(`status ${status}`, isExcused(), `${said}: ${body.slice(0, 200)}`);
    } catch (error) {
      ledger.inspect(owner, error.text ?? '', said);
      if (error.isHang) ledger.find('hanging', said);
      else ledger.fail('connection lost', isExcused(), `${said}: ${error.message}`);
    }
    return undefined;
  }

  close() {
    this.agent.destroy();
  }
}

module.exports = Browser;
