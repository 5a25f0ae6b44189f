'use strict';

const { Url } = require('node:url');

/** Characters that only the full parser judges, as in npm `parseurl` 1.3.3. */
const UNUSUAL = /[\t\n\f\r #\u00a0\ufeff]/;

/** Since Node.js 25 a port that is no number is an error. */
const WARNS_OF_PORTS = Number.parseInt(process.versions.node, 10) < 25;

/**
 * The path that a request asked for, before any router took a part of it away.
 *
 * The parsed target stays on the request, where npm `parseurl` 1.3.3 leaves it and
 * programs read it: in `_parsedOriginalUrl` if Express has kept the original target, in
 * `_parsedUrl` otherwise.
 *
 * @param {object} req
 * @returns {string} without query; `/` if there is none
 * @throws what `url.parse` throws for a target that is no URL
 */
function pathname(req) {
  const { originalUrl } = req;
  const isOriginal = typeof originalUrl === 'string';
  const target = isOriginal ? originalUrl : req.url;
  if (target === undefined) return '/';
  const place = isOriginal ? '_parsedOriginalUrl' : '_parsedUrl';
  let parsed = req[place];
  // Somebody may have parsed it already.
  if (!(parsed instanceof Url && parsed._raw === target)) req[place] = parsed = parse(target);
  return parsed.pathname || '/';
}

module.exports = pathname;

/** What `url.parse` makes of a target: of a path that may have a query, in a tenth of its time. */
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

/** What `url.parse` does, which warns that programs should not use it (DEP0169). */
function parseUnusual(target) {
  if (target instanceof Url) return target;
  const parser = new Parser();
  parser.parse(target);
  const parsed = Object.assign(new Url(), parser);
  if (parser.hasOddPort) {
    parsed.pathname = `/:${parsed.pathname.slice(2)}`;
    parsed.path = parsed.pathname + (parsed.search ?? '');
    parsed.href = parsed.format();
  }
  return parsed;
}

/**
 * A `Url` whose parser does not warn of a port that is no number (DEP0170).
 *
 * Such a host ends before the colon, and from there on it becomes the beginning of the
 * path. A slash in place of the colon does the same, and nobody warns of it.
 */
class Parser extends Url {
  #hasOddPort = false;

  /** Whether the path now begins with a slash in place of that colon, after its own. */
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
