'use strict';

/** How many findings are described, besides being counted. */
const DESCRIBED = 20;

/** How a secret shows in an answer, in whatever place. */
const SECRET = /secret-of-[\w-]+/g;

/**
 * What the site has promised its browsers, and where it has not kept it. None of
 * `wrong`, `lost`, `revived`, `hanging`, `unexcused` and `stuck` may be more than 0.
 */
class Ledger {
  /** Requests, whatever became of them. */
  sent = 0;
  /** Those that did what they were to do. */
  answered = 0;
  /** Those that failed, by how. @type {Record<string, number>} */
  failed = {};
  /** Answers that showed a session, or that there is none, and were compared with what is promised. */
  checked = 0;
  /** Another browser's session, or another one of its own, or what was never written. */
  wrong = 0;
  /** Less than what was acknowledged, or nothing at all though nothing was wrong. */
  lost = 0;
  /** A session whose logout was acknowledged. */
  revived = 0;
  /** No answer. */
  hanging = 0;
  /** Failures while nothing was wrong. */
  unexcused = 0;
  /** Faults after which the site did not resume. */
  stuck = 0;
  /** @type {string[]} */
  findings = [];

  #isRough = false;
  #rough = 0;
  /** Whose each cookie is that was ever set. @type {Map<string, string>} */
  #cookies = new Map();

  /** From now on requests may fail, those under way too. */
  roughen() {
    this.#isRough = true;
    this.#rough++;
  }

  /** From now on they may not; those under way may. */
  calm() {
    this.#isRough = false;
  }

  /** A request begins. @returns {() => boolean} whether it is excused if it fails */
  send() {
    this.sent++;

    const wasRough = this.#isRough;
    const before = this.#rough;

    return () => wasRough || this.#rough !== before;
  }

  /** A request has failed. */
  fail(kind, isExcused, what) {
    this.failed[kind] = (this.failed[kind] ?? 0) + 1;
    if (!isExcused) this.find('unexcused', `${what}: ${kind}`);
  }

  /** @param {'wrong' | 'lost' | 'revived' | 'hanging' | 'unexcused' | 'stuck'} kind */
  find(kind, what) {
    this[kind]++;
    if (this.findings.length < DESCRIBED) this.findings.push(`${kind}: ${what}`);
  }

  /** Looks for what is somebody else's in all that a browser was sent, errors and halves of answers too. */
  inspect(owner, text, what) {
    for (const [secret] of text.matchAll(SECRET)) {
      if (!secret.startsWith(`secret-of-${owner}-`)) this.find('wrong', `${what}: ${owner} was shown ${secret}`);
    }
  }

  /** A browser was given a cookie. */
  claim(owner, cookie, what) {
    const other = this.#cookies.get(cookie) ?? owner;

    if (other !== owner) this.find('wrong', `${what}: ${owner} was given the cookie of ${other}`);
    this.#cookies.set(cookie, other);
  }

  /**
   * An answer that shows a session, or that there is none.
   * @param {import('./account')} account the session that the cookie is of
   * @param {{ value: number, count: number, isOver: boolean }} promised when it was asked for
   * @param {{ owner?: string, secret?: string, value?: number, count?: number }} shown
   * @returns {boolean} whether the session was shown, or rightly was not
   */
  check(account, promised, shown, isExcused, what) {
    this.checked++;

    const { owner, secret } = account;
    const says = `${what} of ${secret}: `;

    if (!shown.owner) {
      if (promised.isOver || account.isOver || account.isUncertain) return true;
      if (isExcused) this.fail('logged out', true, what);
      else this.find('lost', `${says}logged out`);
      return false;
    }
    if (shown.owner !== owner || shown.secret !== secret) {
      this.find('wrong', `${says}shows ${shown.secret}`);
      return false;
    }
    if (promised.isOver) {
      this.find('revived', `${says}is there`);
      return false;
    }
    for (const key of ['value', 'count']) {
      if (!(shown[key] >= promised[key])) this.find('lost', `${says}${key} ${shown[key]}, acknowledged ${promised[key]}`);
      else if (shown[key] > account.sent[key]) this.find('wrong', `${says}${key} ${shown[key]}, sent ${account.sent[key]}`);
      else account[key] = Math.max(account[key], shown[key]);
    }
    return true;
  }

  /** What may not be more than 0. */
  get faults() {
    const { wrong, lost, revived, hanging, unexcused, stuck } = this;

    return { wrong, lost, revived, hanging, unexcused, stuck };
  }

  get figures() {
    const { sent, answered, failed, checked } = this;

    return { sent, answered, failed: Object.values(failed).reduce((sum, each) => sum + each, 0), ...failed, checked, ...this.faults };
  }
}

module.exports = Ledger;
