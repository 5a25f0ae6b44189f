'use strict';

const startHttpDouble = require('../http-double');

const DONE = [200, { status: 'OK' }];

/** Double of a server with the API that restsession's README asks for. */
function startRest() {
  const sessions = new Map();
  return startHttpDouble('a REST service', {
    'GET /': () => [200, [...sessions.values()]],
    'DELETE /': () => {
      sessions.clear();
      return DONE;
    },
    'GET /:': ({ parts: [sid] }) => (sessions.has(sid) ? [200, sessions.get(sid)] : [404, { status: 'not found' }]),
    'DELETE /:': ({ parts: [sid] }) => {
      sessions.delete(sid);
      return DONE;
    },
    'POST /:': ({ parts: [sid], query, body }) => {
      // With `ping` it only lengthens the life of the session.
      if (!query.has('ping')) sessions.set(sid, body);
      return [200, body];
    },
  });
}

module.exports = startRest;
