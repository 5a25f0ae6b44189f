'use strict';

// Programs set the variable before they load anything.
const isProduction = process.env.NODE_ENV === 'production';

/** The kinds of problems of which this process was warned. It gets one warning of each kind. */
const warned = new Set();

/** How many bytes the name and the value of a cookie may have together. Browsers drop a longer one. */
const MOST_BYTES = 4096;

/** How many bytes the value of an attribute may have. Browsers ignore a longer attribute. */
const MOST_ATTRIBUTE_BYTES = 1024;

/**
 * Returns what browsers dislike about a cookie: draft-ietf-httpbis-rfc6265bis-22 sections 5.6 and
 * 5.7. Of a name's prefix they ignore the case.
 *
 * @param {string} header Set-Cookie, as `serialize` writes it
 * @returns {Array<[kind: string, text: string]>}
 */
function problemsOf(header) {
  // Most headers have nothing that could be a problem, and this is quicker than a pattern.
  if (header.length <= MOST_ATTRIBUTE_BYTES && !header.startsWith('__') && !header.includes('; SameSite=None')) return [];
  const [pair, ...attributes] = header.split('; ');
  const name = pair.slice(0, pair.indexOf('='));
  const prefix = /^__(?:Host|Secure)-/i.exec(name)?.[0].toLowerCase();
  const isSecure = attributes.includes('Secure');
  const isHost = prefix === '__host-';
  const bytes = pair.length - 1;
  const long = attributes.find((attribute) => attribute.length - attribute.indexOf('=') - 1 > MOST_ATTRIBUTE_BYTES);

  /** @type {Array<[isThere: unknown, kind: string, text: string]>} */
  const problems = [
    [!isSecure && attributes.includes('SameSite=None'), 'SameSite', 'it has SameSite=None and is not Secure'],
    [isHost && !isSecure, '__Host-', 'its name begins with __Host- and it is not Secure'],
    [isHost && !attributes.includes('Path=/'), '__Host-', 'its name begins with __Host- and its path is not "/"'],
    [isHost && attributes.some((attribute) => attribute.startsWith('Domain=')), '__Host-', 'its name begins with __Host- and it has a domain'],
    [prefix === '__secure-' && !isSecure, '__Secure-', 'its name begins with __Secure- and it is not Secure'],
    [bytes > MOST_BYTES, 'size', `its name and value have ${bytes} bytes, more than ${MOST_BYTES}`],
    [long, 'size', `its ${long?.split('=', 1)} has more than ${MOST_ATTRIBUTE_BYTES} bytes`],
  ];
  return problems.filter(([isThere]) => isThere).map(([, kind, text]) => [kind, `browsers do not keep the cookie "${name.slice(0, 50)}" as it is sent: ${text}`]);
}

/**
 * Warns, outside production, of what browsers dislike about a cookie.
 *
 * @param {string} header Set-Cookie
 */
function warnOfProblems(header) {
  if (isProduction) return;
  for (const [kind, text] of problemsOf(header)) warnOnce(kind, text);
}

/**
 * Warns, outside production, that a secure cookie is not sent, because the connection is insecure.
 *
 * @param {string} name of the cookie
 */
function warnOfWithheld(name) {
  warnOnce('withheld', `the cookie "${name}" was not sent, because it is secure and the connection is not. Behind a proxy that ` +
  'ends TLS, set Express\'s "trust proxy", or the option proxy. Without TLS, set cookie.secure to "auto"');
}

module.exports = { problemsOf, warnOfProblems, warnOfWithheld };

/**
 * @param {string} kind
 * @param {string} text
 */
function warnOnce(kind, text) {
  if (isProduction || warned.has(kind)) return;
  warned.add(kind);
  process.emitWarning(text, { code: 'EXPRESS_SESSION_COOKIE' });
}
