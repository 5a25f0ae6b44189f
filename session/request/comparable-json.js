'use strict';

/**
 * Returns the JSON of the data that count when data are compared: without `cookie` and `_meta`.
 *
 * @param {Record<string, any>} data
 */
function comparableJSON(data) {
  /** @type {Record<string, any>} */
  const counting = { ...data };
  delete counting.cookie;
  delete counting._meta;
  return JSON.stringify(counting);
}

module.exports = comparableJSON;
