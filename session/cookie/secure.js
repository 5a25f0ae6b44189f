'use strict';

/** @typedef {import('../types').Request} Request */

/**
 * Returns whether a request came over a secure connection: its socket is a TLS socket, or a
 * proxy that the option `proxy` trusts says so.
 *
 * @param {Request} req
 * @param {boolean} [proxy] true to trust X-Forwarded-Proto, false to trust no proxy, undefined
 *   to trust what Express says (its setting `trust proxy`)
 * @returns {boolean}
 */
function isSecure(req, proxy) {
  const connection = /** @type {import('node:tls').TLSSocket | undefined} */ (req.connection);
  if (connection && connection.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return req.secure === true;
  // Node.js joins several such headers by commas.
  const header = /** @type {string | undefined} */ (req.headers['x-forwarded-proto']);
  // The proxy that is nearest to the browser comes first in the list.
  const [protocol] = (header || '').split(',', 1);
  return protocol.trim().toLowerCase() === 'https';
}

module.exports = isSecure;
