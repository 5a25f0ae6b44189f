'use strict';

const { isPointer } = require('./pointer');

/**
 * Returns the JSON of the data that count when data are compared: without `cookie` and `_meta`.
 *
 * @param {Record<string, any>} data
 * @returns {string | undefined} undefined for a pointer, which has the data of no session
 */
function comparableJSON(data) {
  if (isPointer(data)) return undefined;
  /** @type {Record<string, any>} */
  const counting = { ...data };
  delete counting.cookie;
  delete counting._meta;
  return JSON.stringify(counting);
}

module.exports = comparableJSON;
