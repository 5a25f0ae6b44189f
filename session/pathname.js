'use strict';

const url = require('node:url');

/** Characters that only the full parser judges, as in npm `parseurl` 1.3.3. */
const UNUSUAL = /[\t\n\f\r #\u00a0\ufeff]/;

/**
 * The path that a request asked for, before any router took a part of it away.
 *
 * @param {object} req
 * @returns {string} without query; `/` if there is none
 */
function pathname({ originalUrl, url: current }) {
  const target = typeof originalUrl === 'string' ? originalUrl : current;
  if (target === undefined) return '/';
  if (target[0] !== '/' || UNUSUAL.test(target)) return url.parse(target).pathname || '/';
  const query = target.indexOf('?');
  return query === -1 ? target : target.slice(0, query);
}

module.exports = pathname;
