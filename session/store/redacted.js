'use strict';

/** The length of the shortest secret that is replaced. Shorter ones occur in any text. */
const SHORTEST = 4;

/**
 * Returns the text of an error for a log. Stores write sids into their messages, as names of
 * files or keys, and anybody who knows a sid may be able to use the session.
 *
 * @param {unknown} error
 * @param {...unknown} secrets replaced where they are strings, also as parts of URLs and of JSON
 * @returns {string}
 */
function redacted(error, ...secrets) {
  let text;
  try {
    text = String(error);
  } catch {
    return 'an error that cannot be shown as text';
  }
  const forms = secrets.flatMap((secret) => (typeof secret === 'string' && secret.length >= SHORTEST ? formsOf(secret) : []));
  // The longest is replaced first: one may begin with another.
  for (const form of forms.sort((one, other) => other.length - one.length)) text = text.replaceAll(form, '[redacted]');
  return text;
}

/**
 * Returns a text in the forms in which errors have it: as it is, in JSON, in a form, and as a part or the
 * whole of a path. One with lone surrogates cannot be in a path.
 *
 * @param {string} text
 */
function formsOf(text) {
  const forms = [text, JSON.stringify(text).slice(1, -1), String(new URLSearchParams([['', text]])).slice(1)];
  try {
    forms.push(encodeURIComponent(text), encodeURI(text));
  } catch {
    // A lone surrogate.
  }
  return forms;
}

module.exports = redacted;
