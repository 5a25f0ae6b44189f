'use strict';

/**
 * Whether a request came over a secure connection: its socket is a TLS one, or
 * it was so at the proxy, as far as the option `proxy` trusts that.
 *
 * @param {object} req
 * @param {boolean} [proxy] true: believe X-Forwarded-Proto; false: believe no
 *   proxy; undefined: believe Express (`trust proxy`)
 * @returns {boolean}
 */
function isSecure(req, proxy) {
  if (req.connection && req.connection.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return req.secure === true;
  // The proxy nearest to the browser comes first in the list.
  const [protocol] = (req.headers['x-forwarded-proto'] || '').split(',', 1);
  return protocol.trim().toLowerCase() === 'https';
}

module.exports = isSecure;
