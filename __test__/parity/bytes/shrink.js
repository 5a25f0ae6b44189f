'use strict';

/**
 * The shortest text found by cutting pieces out of `text` for which `fails`
 * still holds: first halves, at last single characters.
 */
function shrink(text, fails) {
  for (let size = Math.ceil(text.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at + size <= text.length;) {
      const rest = text.slice(0, at) + text.slice(at + size);
      if (fails(rest)) text = rest;
      else at += size;
    }
  }
  return text;
}

module.exports = { shrink };
