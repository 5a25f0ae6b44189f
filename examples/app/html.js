'use strict';

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text that a template may take as it is. */
class Html {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function escape(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(escape).join('');
  if (value === undefined || value === null || value === false) return '';
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

/**
 * A template tag: whatever is put into the text is escaped, unless it came out
 * of this tag itself. So a page cannot forget to escape.
 */
function html(strings, ...values) {
  return new Html(strings.reduce((text, part, i) => text + escape(values[i - 1]) + part));
}

module.exports = { html };
