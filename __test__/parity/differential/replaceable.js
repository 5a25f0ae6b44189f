'use strict';

const { without, SHOWN_ONCE_ASSIGNED } = require('./view');

/**
 * All that a program may replace and that decides how a request is answered: the methods and
 * the halves of accessors of the package's classes, and of one store.
 *
 * A replacement calls what it replaces, with the same `this` and arguments. One that does
 * no more must never be seen, whichever of the two packages has it. One that marks is in
 * both, and its mark must be the same in both.
 */
const onSession = ({ mod }) => mod.Session.prototype;
const onCookie = ({ mod }) => mod.Cookie.prototype;
const onStores = ({ mod }) => mod.Store.prototype;
const onMemoryStores = ({ mod }) => mod.MemoryStore.prototype;
/** The store of the run; the default one is known once a request has it. */
const onTheStore = ({ store, memory, active }) => store || memory || (active.req && active.req.sessionStore);

const method = (on) => ({ on, marks: ['records'] });
const cookieText = { on: onCookie, marks: ['priority'] };
const cookieTime = { on: onCookie, isOfNew: true };
const asked = (on) => ({ on, marks: ['records', 'fails'] });

/**
 * By name: `on(run)` is the object, `half` that of an accessor, `marks` are those that the
 * packages agree on. And it is
 *
 * - `isFixed`: a mark is the same in both if it is there from the start and stays
 * - `isOfNew`: a mark shows on each session that is made
 * - `isAdded`: neither package has one, so a replacement always marks
 * - `isOwn`: the original has none
 * - `isRare`: only programs call it, and few
 */
const REPLACEABLE = {
  'Session.prototype.touch': method(onSession),
  'Session.prototype.resetMaxAge': method(onSession),
  // the original gives each session that a request begins with these two for its own
  'Session.prototype.save': { ...method(onSession), isFixed: true },
  'Session.prototype.reload': { ...method(onSession), isFixed: true },
  'Session.prototype.destroy': method(onSession),
  'Session.prototype.regenerate': method(onSession),
  'Session.prototype.toJSON': { on: onSession, marks: ['shown'], isAdded: true },
  'Session.prototype.id': { on: onSession, half: 'get', marks: [], isOwn: true },
  'Cookie.prototype.toJSON': cookieText,
  'Cookie.prototype.data': { ...cookieText, half: 'get' },
  'Cookie.prototype.expires, get': { ...cookieTime, half: 'get', marks: ['givesSeconds'] },
  'Cookie.prototype.expires, set': { ...cookieTime, half: 'set', marks: ['takesSeconds'] },
  'Cookie.prototype.maxAge, get': { ...cookieTime, half: 'get', marks: ['givesMore'] },
  'Cookie.prototype.maxAge, set': { ...cookieTime, half: 'set', marks: ['takesMore'] },
  'Cookie.prototype.serialize': { ...method(onCookie), isRare: true },
  'Store.prototype.createSession': method(onStores),
  'Store.prototype.regenerate': method(onStores),
  'Store.prototype.load': { ...method(onStores), isRare: true },
  'MemoryStore.prototype.get': asked(onMemoryStores),
  'MemoryStore.prototype.set': asked(onMemoryStores),
  'MemoryStore.prototype.touch': asked(onMemoryStores),
  'MemoryStore.prototype.destroy': asked(onMemoryStores),
  'MemoryStore.prototype.all': method(onMemoryStores),
  'MemoryStore.prototype.length': method(onMemoryStores),
  'MemoryStore.prototype.clear': { ...method(onMemoryStores), isRare: true },
  'the store\'s get': asked(onTheStore),
  'the store\'s set': asked(onTheStore),
  'the store\'s touch': asked(onTheStore),
  'the store\'s destroy': asked(onTheStore),
  'the store\'s createSession': method(onTheStore),
  'the store\'s regenerate': method(onTheStore),
  'the store\'s generate': method(onTheStore),
};

const keyOf = (name) => /\w+(?=$|,)/.exec(name)[0];
const toTheSecond = (value) => (value instanceof Date ? new Date(Math.ceil(value / 1000) * 1000) : value);
const more = (ms) => (typeof ms === 'number' ? ms + 1 : ms);

/** What a replacement does that is to be seen, around what it replaces. */
const MARKS = {
  none: (before) => function unseen(...args) {
    return before.apply(this, args);
  },
  records: (before, { name, run }) => function recorded(...args) {
    run.record({ patched: name });
    return before.apply(this, args);
  },
  // a store that has done it, and says that it has not
  fails: (before, { name, run }) => function failing(...args) {
    run.record({ patched: name });
    const callback = args.at(-1);
    if (typeof callback !== 'function') return before.apply(this, args);
    return before.call(this, ...args.slice(0, -1), () => callback(new Error(`${name} failed`)));
  },
  shown: () => function shown() {
    return { ...without({ ...this }, SHOWN_ONCE_ASSIGNED), shown: true };
  },
  // of the text of a cookie: how often it is made is each package's own business
  priority: (before) => function prior(...args) {
    return { ...before.apply(this, args), priority: 'high' };
  },
  givesSeconds: (before) => function inSeconds() {
    return toTheSecond(before.call(this));
  },
  takesSeconds: (before) => function ofSeconds(value) {
    before.call(this, toTheSecond(value));
  },
  givesMore: (before) => function longer() {
    return more(before.call(this));
  },
  takesMore: (before) => function ofMore(ms) {
    before.call(this, more(ms));
  },
};

/** How often replacements were called in this package, by name: over all runs. */
const called = new Map();

/**
 * Replaces what has a name.
 * @param {object} run
 * @param {{ name: string, mark: string, in: 'both' | 'ours' }} replacement
 * @returns {() => void} puts back what was there, unless something else has taken its place since
 */
function replace(run, { name, mark, in: where }) {
  const { on, half = 'value', isOwn, isAdded } = REPLACEABLE[name];
  const object = on(run);
  const key = keyOf(name);
  if (run.isOriginal && (where === 'ours' || isOwn)) return () => {};
  // the default store before the first request, and what a store does not have yet
  if (object === undefined || !(key in object || isAdded)) return () => {};

  const own = Object.getOwnPropertyDescriptor(object, key);
  // what is inherited may be replaced later, in its own place
  const before = own ? own[half] : function inherited(...args) { return Object.getPrototypeOf(object)[key].apply(this, args); };
  const marked = MARKS[mark](before, { name, run });
  const replacement = run.isOriginal ? marked : function counted(...args) {
    called.set(name, (called.get(name) || 0) + 1);
    return marked.apply(this, args);
  };
  const descriptor = own || { configurable: true, enumerable: true, writable: true };
  Object.defineProperty(object, key, { ...descriptor, [half]: replacement });
  return () => {
    const current = Object.getOwnPropertyDescriptor(object, key);
    if (!current || current[half] !== replacement) return;
    if (own) Object.defineProperty(object, key, { ...current, [half]: before });
    else delete object[key];
  };
}

module.exports = { REPLACEABLE, called, replace };
