'use strict';

const { getPrototypeOf, prototype: plainObject } = Object;
const { prototype: plainArray } = Array;
const { hasOwnProperty } = plainObject;

/** What `compare` says: the JSON is another. */
const DIFFERENT = -1;
/** Only the JSON itself can tell. */
const UNSURE = -2;

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
  return append(data, list, 0) ? list : undefined;
}

/** Appends what an object holds. False if JSON does not show all of it as it is. */
function append(object, list, depth) {
  if (depth > 0) {
    const prototype = getPrototypeOf(object);
    const isPlain = prototype === plainObject || prototype === plainArray || prototype === null;
    if (!isPlain || depth > DEEPEST) return false;
  }
  const start = list.length;
  if (Array.isArray(object)) {
    list.push(object.length);
    for (let i = 0; i < object.length; i++) {
      const value = object[i];
      list.push(value);
      if (typeof value === 'bigint' || (typeof value === 'object' && value !== null && !append(value, list, depth + 1))) return false;
    }
    return true;
  }
  list.push(0);
  let count = 0;
  for (const key in object) {
    if ((depth === 0 && key === 'cookie') || !hasOwnProperty.call(object, key)) continue;
    const value = object[key];
    list.push(key, value);
    count++;
    if (typeof value === 'bigint' || (typeof value === 'object' && value !== null && !append(value, list, depth + 1))) return false;
  }
  list[start] = count;
  return typeof object.toJSON !== 'function';
}

/**
 * Compares data with a snapshot of what they were.
 *
 * @param {any} value the data, or at another depth than 0 one of the values in them
 * @param {Array} list
 * @param {number} [at] where the value stands in the list
 * @param {number} [depth]
 * @returns {number} where the value ends in the list, if it is the same; else `DIFFERENT` or `UNSURE`
 */
function compare(value, list, at = 0, depth = 0) {
  if (depth > 0) {
    const before = list[at++];
    if (value !== before) return haveDistinctJSON(value, before) ? DIFFERENT : UNSURE;
  }
  if (typeof value.toJSON === 'function') return UNSURE;
  let left = list[at++];
  if (Array.isArray(value)) {
    if (left !== value.length) return UNSURE;
    for (let i = 0; i < value.length && at >= 0; i++) {
      const item = value[i];
      const isSame = item === list[at] && (typeof item !== 'object' || item === null);
      at = isSame ? at + 1 : compare(item, list, at, depth + 1);
    }
    return at;
  }
  for (const key in value) {
    if ((depth === 0 && key === 'cookie') || !hasOwnProperty.call(value, key)) continue;
    if (left-- === 0 || list[at] !== key) return UNSURE;
    const member = value[key];
    const isSame = member === list[at + 1] && (typeof member !== 'object' || member === null);
    at = isSame ? at + 2 : compare(member, list, at + 1, depth + 1);
    if (at < 0) return at;
  }
  return left === 0 ? at : UNSURE;
}

/** Whether JSON has one text for each of two values, and that for nothing else. */
function haveDistinctJSON(value, other) {
  return (typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) &&
    (typeof other === 'string' || typeof other === 'boolean' || Number.isFinite(other));
}

/**
 * The data that a snapshot was made of, as they were.
 * @param {Array} list
 * @returns {object}
 */
function restore(list) {
  let at = 0;
  const restored = (value) => {
    if (typeof value !== 'object' || value === null) return value;
    const made = Array.isArray(value) ? [] : {};
    for (let left = list[at++]; left > 0; left--) {
      const key = Array.isArray(made) ? made.length : list[at++];
      // Not an assignment: a key may be `__proto__`.
      Object.defineProperty(made, key, { value: restored(list[at++]), enumerable: true, configurable: true, writable: true });
    }
    return made;
  };
  return restored({});
}

module.exports = { DIFFERENT, UNSURE, snapshot, compare, restore };
