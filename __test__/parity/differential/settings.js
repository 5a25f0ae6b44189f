'use strict';

/** What goes into `session(options)` when a scenario runs, and what a program changes of it later. */
const { revive } = require('./values');

/**
 * The options as an app would write them, made of the scenario's data.
 * @param {object} options as drawn
 * @param {{ seed: number, store: object | undefined, secrets: unknown[], sids: string[] }} app
 * @param {object} run gets the cookie options that requests may change
 */
function optionsOf(options, { seed, store, secrets, sids }, run) {
  const { secret, genid, cookie, ...plain } = options;
  const made = revive(plain);
  if (store) made.store = store;
  if (run.isHashed) made.hashIds = true;
  if (secret) made.secret = secret.kind === 'array' ? secrets : secrets[0];
  if (genid && genid.kind !== 'own') made.genid = genidOf(genid, seed, sids);
  if (cookie && cookie.perRequest) {
    made.cookie = (req) => revive(/alt/.test(req.url) ? cookie.alt : cookie.value);
  } else if (cookie !== undefined) {
    made.cookie = cookieOf(cookie, run);
  }
  return made;
}

function cookieOf({ value, getters = [] }, run) {
  const made = revive(value);
  run.cookieOptions = made;
  for (const field of getters) {
    run.tenant[field] = value[field];
    Object.defineProperty(made, field, { enumerable: true, configurable: true, get: () => revive(run.tenant[field]) });
  }
  return made;
}

/** Changes a cookie option of the running app, or what its getter gives. */
function changeOption({ cookieOptions, tenant }, { field, value }) {
  if (field in tenant) tenant[field] = value;
  else if (cookieOptions) cookieOptions[field] = revive(value);
}

/** Both sides have to make the same ids, so they count instead of drawing them. */
function genidOf(genid, seed, sids) {
  if (genid.kind === 'no function') return 'genid';
  let count = 0;
  return function makeId(req) {
    count += 1;
    if (genid.kind === 'throws') throw new Error('no id today');
    const id = {
      counter: () => `s${seed}-${String(count).padStart(4, '0')}-aBcDeFgHiJkLmNoP_-`,
      constant: () => 'always-the-same',
      fromRequest: () => `${req.method}-${count}`,
      value: () => revive(genid.value),
      // objects list these keys by number, not in the order of making
      digits: () => String(100 - count),
      odd: () => `${genid.text}${count}`,
    }[genid.kind]();
    if (typeof id === 'string') sids.push(id);
    return id;
  };
}

function nameOf({ name, key }) {
  return String(name || key || 'connect.sid');
}

/**
 * Whether a session cookie can never be made with these options. The original says so
 * when it makes one; `session()` may say so at once.
 */
function mayBeRefused({ name, cookie }) {
  if (name !== undefined && !/^[\w!#$%&'*.^`|~+-]+$/.test(typeof name === 'string' ? name : '')) return true;
  if (!cookie || cookie.perRequest) return false;
  if (typeof cookie.value !== 'object') return true;
  const { maxAge, expires, domain, path, priority, sameSite } = cookie.value;
  const isDoubtful = (value, isFine) => Boolean(value) && !isFine(value);
  return isDoubtful(maxAge, (value) => Number.isFinite(value) || value.$ === 'date' || value.$ === 'left' || value.$ === 'undefined') ||
    isDoubtful(expires, (value) => value.$ === 'date') ||
    isDoubtful(domain, (value) => /^[\w.-]+$/.test(value)) ||
    isDoubtful(path, (value) => /^[ -:<-~]*$/.test(value)) ||
    isDoubtful(priority, (value) => /^(low|medium|high)$/i.test(value)) ||
    isDoubtful(sameSite, (value) => value === true || /^(lax|strict|none|auto)$/i.test(value));
}

module.exports = { optionsOf, changeOption, nameOf, mayBeRefused };
