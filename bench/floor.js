'use strict';

const sample = require('./sample');

/**
 * The least that a session layer can do: JSON alone. A session that the handler looks at
 * is parsed, one that it writes to is turned into JSON, and nothing else is done.
 *
 * @param {object} scenario
 * @returns {{ middleware: Function, logIn: (users: number) => object[], clear: () => Promise<void> }}
 */
function openFloor({ handler, loads, bytes, isFlat }) {
  const texts = [];
  const isParsed = loads && handler !== 'untouched';
  const isWritten = handler === 'written' || handler === 'created';
  let at = 0;

  function middleware(req, res, next) {
    if (isParsed) req.session = JSON.parse(texts[at++ % texts.length]);
    else if (isWritten) req.session = {};
    next();
    if (isWritten) JSON.stringify(req.session);
  }

  function logIn(users) {
    for (let seed = 0; loads && seed < users; seed++) texts.push(JSON.stringify(sample(bytes, seed, isFlat)));
    return [{ cookie: '' }];
  }

  return { middleware, logIn, clear: async () => {} };
}

module.exports = openFloor;
