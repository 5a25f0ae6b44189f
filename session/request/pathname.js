'use strict';

/** @import { ParsedTarget, Request } from '../types' */

/** @typedef {ParsedTarget & { parse(target: unknown): void, parseHost(): void, format(): string }} UrlParser */

// The class of what `url.parse` returns. @types/node knows only its shape.
const { Url } = /** @type {{ Url: new () => UrlParser }} */ (/** @type {unknown} */ (require('node:url')));

/** Characters with which npm `parseurl` 1.3.3 leaves a target to `url.parse`. */
const UNUSUAL = /[\t\n\f\r #\u00a0\ufeff]/;

/** Whether `url.parse` warns of a port that is not a number. Since Node.js 25 it throws an error. */
const WARNS_OF_PORTS = Number.parseInt(process.versions.node, 10) < 25;

/**
 * Returns the path of a request's target, before any router took a part of it away.
 *
 * The parsed target stays on the request, because programs read it there: in
 * `_parsedOriginalUrl` if Express has kept the original target, else in `_parsedUrl`. These are
 * the places where npm `parseurl` 1.3.3 leaves it.
 *
 * @param {Request} req
 * @returns {string} the path without query, `/` if the target has none
 * @throws what `url.parse` throws for a target that is not a URL
 */
function pathname(req) {
  const { originalUrl } = req;
  const isOriginal = typeof originalUrl === 'string';
  const target = isOriginal ? originalUrl : req.url;
  if (target === undefined) return '/';
  const place = isOriginal ? '_parsedOriginalUrl' : '_parsedUrl';
  let parsed = req[place];
  // Another middleware may have parsed the same target already.
  if (!(parsed instanceof Url && parsed._raw === target)) req[place] = parsed = parse(target);
  return parsed.pathname || '/';
}

module.exports = pathname;

/**
 * Returns what `url.parse` returns. For a path with or without a query, it takes a tenth of the
 * time of `url.parse`.
 *
 * @param {string} target a program may have assigned a value of another type
 * @returns {ParsedTarget}
 */
function parse(target) {
  const isUsual = typeof target === 'string' && target[0] === '/' && !UNUSUAL.test(target);
  const parsed = isUsual ? new Url() : parseUnusual(target);
  parsed._raw = target;
  if (!isUsual) return parsed;
  parsed.path = target;
  parsed.href = target;
  const query = target.indexOf('?');
  if (query === -1) {
    parsed.pathname = target;
  } else {
    parsed.pathname = target.slice(0, query);
    parsed.query = target.slice(query + 1);
    parsed.search = target.slice(query);
  }
  return parsed;
}

/**
 * Returns what `url.parse` returns, without its warning that programs should not use it (DEP0169).
 *
 * @param {unknown} target
 * @returns {ParsedTarget}
 */
function parseUnusual(target) {
  if (target instanceof Url) return target;
  const parser = new Parser();
  parser.parse(target);
  const parsed = Object.assign(new Url(), parser);
  if (parser.hasOddPort) {
    const { pathname } = /** @type {{ pathname: string }} */ (parsed);
    parsed.pathname = `/:${pathname.slice(2)}`;
    parsed.path = parsed.pathname + (parsed.search ?? '');
    parsed.href = parsed.format();
  }
  return parsed;
}

/**
 * A `Url` whose parser does not warn of a port that is not a number (DEP0170).
 *
 * In `http://a:b/c` the parser takes `a` for the host and `/:b/c` for the path, and warns. With a
 * slash in place of the colon it splits the URL at the same place and does not warn. Then the
 * path is `//b/c`, and `parseUnusual` puts the colon back.
 */
class Parser extends Url {
  #hasOddPort = false;

  /** Whether the second character of the path is a slash in place of the colon. */
  get hasOddPort() {
    return this.#hasOddPort;
  }

  parseHost() {
    super.parseHost();
    const { hostname } = this;
    if (!WARNS_OF_PORTS || !hostname || !hostname.includes(':')) return;
    const isIPv6 = hostname.startsWith('[') && hostname.endsWith(']');
    if (isIPv6) return;
    this.hostname = hostname.replace(':', '/');
    this.#hasOddPort = true;
  }
}
