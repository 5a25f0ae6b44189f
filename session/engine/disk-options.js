'use strict';

const path = require('node:path');
const { isGiven, bound, maxOfUser, period, warnIfShort } = require('./options');

/** @typedef {import('../types').DiskStoreOptions} DiskStoreOptions */

/** The default of `ttl`, in ms: a day, as with connect-redis. */
const TTL = 24 * 60 * 60 * 1000;

/** The default of `touchAfter`, in ms. */
const TOUCH_AFTER = 1000;

/**
 * Checks the options of a DiskStore and adds the defaults.
 *
 * @param {DiskStoreOptions} options as the program gave them
 * @throws {TypeError} naming the option that is wrong
 */
function checkedDisk(options) {
  if (options === null || typeof options !== 'object') {
    throw new TypeError('DiskStore needs options: at least path, the file of the sessions');
  }
  for (const name in options) {
    if (!KNOWN.has(name)) throw new TypeError(`${name} is no option of DiskStore, which has ${[...KNOWN].join(', ')}`);
  }
  const { path: file, maxBytes, ttl, checkPeriod, dispose, durability, touchAfter, onDamage } = options;
  if (typeof file !== 'string' || file === '' || file.includes('\0')) throw wrong('path', 'the path of a file');
  if (isGiven(ttl) && typeof ttl !== 'function' && !(Number.isFinite(ttl) && ttl > 0)) {
    throw wrong('ttl', 'a positive number of milliseconds or a function');
  }
  if (typeof ttl === 'number') warnIfShort(ttl);
  if (isGiven(dispose) && typeof dispose !== 'function') throw wrong('dispose', 'a function');
  if (isGiven(durability) && durability !== 'process' && durability !== 'machine') {
    throw wrong('durability', "'process' or 'machine'");
  }
  if (isGiven(onDamage) && onDamage !== 'throw' && onDamage !== 'fresh') throw wrong('onDamage', "'throw' or 'fresh'");
  if (isGiven(touchAfter) && !(Number.isFinite(touchAfter) && touchAfter >= 0)) {
    throw wrong('touchAfter', 'a number of milliseconds');
  }
  return {
    path: path.resolve(file),
    maxBytes: bound('maxBytes', maxBytes, wrong),
    ttl: ttl ?? TTL,
    checkPeriod: period(checkPeriod, wrong),
    dispose: dispose ?? undefined,
    isSynced: durability === 'machine',
    isReplaced: onDamage === 'fresh',
    touchAfter: touchAfter ?? TOUCH_AFTER,
    maxOfUser: maxOfUser(options),
  };
}

module.exports = checkedDisk;

/** The names of the options. An unknown one is an error: nothing else would tell of a misspelt one. */
const KNOWN = new Set([
  'path', 'maxBytes', 'ttl', 'checkPeriod', 'dispose', 'durability', 'touchAfter', 'onDamage', 'user', 'describe', 'maxSessions',
]);

/**
 * Makes the error of a wrong option.
 *
 * @param {string} name of the option
 * @param {string} kind what the option must be
 */
function wrong(name, kind) {
  return new TypeError(`${name} option of DiskStore must be ${kind}`);
}
