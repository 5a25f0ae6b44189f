'use strict';

const { getPrototypeOf, prototype: plainObject } = Object;
const { prototype: plainArray } = Array;
const { hasOwnProperty } = plainObject;

/** What `compare` says: the JSON is the same. */
const SAME = 0;
/** The JSON is another. */
const DIFFERENT = 1;
/** Only the JSON itself can tell. */
const UNSURE = 2;

/** Deeper data are compared by their JSON. */
const DEEPEST = 32;

/**
 * What a session's data are now, to compare them with what becomes of them: every
 * object's keys and values in one list, in the order in which JSON has them. Making it
 * and comparing with it takes a third of the time of making the JSON.
 *
 * @param {object} data whose key `cookie` is left out
 * @returns {Array | undefined} undefined if there is something in it that JSON does not
 *   show as it is
 */
function snapshot(data) {
  // Not a literal: V8 learns that the lists of waiting requests live long, makes those of
  // a literal among the old objects, and then collects none of what they hold for a while
  // (10 kB of data: 105 µs per request instead of 73).
  const list = Array.of();
  return take(data, list, 0) ? list : undefined;
}

function take(object, list, depth) {
  if (Array.isArray(object)) {
    list.push(object.length);
    for (let i = 0; i < object.length; i++) {
      const value = object[i];
      list.push(value);
      if (typeof value === 'object' ? !takeObject(value, list, depth) : typeof value === 'bigint') return false;
    }
    return true;
  }
  const start = list.length;
  list.push(0);
  let count = 0;
  for (const key in object) {
    if ((depth === 0 && key === 'cookie') || !hasOwnProperty.call(object, key)) continue;
    const value = object[key];
    list.push(key, value);
    count++;
    if (typeof value === 'object' ? !takeObject(value, list, depth) : typeof value === 'bigint') return false;
  }
  list[start] = count;
  return typeof object.toJSON !== 'function';
}

function takeObject(value, list, depth) {
  if (value === null) return true;
  const prototype = getPrototypeOf(value);
  return depth < DEEPEST && (prototype === plainObject || prototype === plainArray || prototype === null) &&
    take(value, list, depth + 1);
}

/**
 * Compares data with a snapshot of what they were.
 *
 * @param {object} data
 * @param {Array} list
 * @returns {number} `SAME`, `DIFFERENT` or `UNSURE`
 */
function compare(data, list) {
  const end = compareObject(data, list, 0, 0);
  return end < 0 ? -end : SAME;
}

/**
 * @param {object} object
 * @param {Array} list
 * @param {number} at where the object begins in the list
 * @param {number} depth
 * @returns {number} where the object ends in the list; less than 0 if they are not the
 *   same: `-DIFFERENT` or `-UNSURE`
 */
function compareObject(object, list, at, depth) {
  if (typeof object.toJSON === 'function') return -UNSURE;
  let left = list[at++];
  if (Array.isArray(object)) {
    if (left !== object.length) return -UNSURE;
    for (let i = 0; i < object.length && at >= 0; i++) at = compareValue(object[i], list, at, depth);
    return at;
  }
  for (const key in object) {
    if ((depth === 0 && key === 'cookie') || !hasOwnProperty.call(object, key)) continue;
    if (left-- === 0 || list[at] !== key) return -UNSURE;
    at = compareValue(object[key], list, at + 1, depth);
    if (at < 0) return at;
  }
  return left === 0 ? at : -UNSURE;
}

function compareValue(value, list, at, depth) {
  const before = list[at];
  if (value !== before) return isTold(value) && isTold(before) ? -DIFFERENT : -UNSURE;
  return typeof value === 'object' && value !== null ? compareObject(value, list, at + 1, depth + 1) : at + 1;
}

/** Whether JSON has one text for it, and that for nothing else. */
function isTold(value) {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** A place in a snapshot. */
class Reader {
  constructor(list) {
    this.list = list;
    this.at = 0;
  }

  next() {
    return this.list[this.at++];
  }
}

/**
 * The data that a snapshot was made of, as they were.
 * @param {Array} list
 * @returns {object}
 */
function restore(list) {
  return restoreObject({}, new Reader(list));
}

function restoreObject(object, reader) {
  for (let left = reader.next(); left > 0; left--) {
    if (Array.isArray(object)) {
      object.push(restoreValue(reader));
    } else {
      const key = reader.next();
      // Not an assignment: a key may be `__proto__`.
      Object.defineProperty(object, key, { value: restoreValue(reader), enumerable: true, configurable: true, writable: true });
    }
  }
  return object;
}

function restoreValue(reader) {
  const value = reader.next();
  if (typeof value !== 'object' || value === null) return value;
  return restoreObject(Array.isArray(value) ? [] : {}, reader);
}

module.exports = { SAME, DIFFERENT, UNSURE, snapshot, compare, restore };
