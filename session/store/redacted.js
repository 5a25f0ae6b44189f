'use strict';

/** The length of the shortest secret that is replaced. Shorter ones occur in any text. */
const SHORTEST = 4;

/**
 * Returns the text of an error for a log. Stores write sids into their messages, as names of
 * files or keys, and anybody who knows a sid may be able to use the session.
 *
 * @param {unknown} error
 * @param {...unknown} secrets replaced where they are strings, also in percent-encoding
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

/**
 * Returns a text in percent-encoding, or as it is if it has lone surrogates.
 *
 * @param {string} text
 */
function encoded(text) {
  try {
    return encodeURIComponent(text);
  } catch {
    return text;
  }
}

module.exports = redacted;
