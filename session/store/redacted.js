'use strict';

/** Shorter texts are not looked for: they are in everything. */
const SHORTEST = 4;

/**
 * An error as a log may show it: stores put session ids into their messages, as the
 * names of files or keys, and whoever has an id may have the session.
 *
 * @param {any} error
 * @param {...any} secrets what must not be seen, as it is or percent-encoded
 * @returns {string}
 */
function redacted(error, ...secrets) {
  let text;
  try {
    text = String(error);
  } catch {
    return 'an error that cannot be shown as text';
  }
  for (const secret of secrets) {
    if (typeof secret !== 'string' || secret.length < SHORTEST) continue;
    text = text.replaceAll(secret, '[redacted]').replaceAll(encoded(secret), '[redacted]');
  }
  return text;
}

/** Percent-encoded; as it is where it is no well-formed text. */
function encoded(text) {
  try {
    return encodeURIComponent(text);
  } catch {
    return text;
  }
}

module.exports = redacted;
