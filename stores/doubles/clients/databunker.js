'use strict';

const startHttpDouble = require('../http-double');

const TOKEN = 'of the suite';
const DONE = [200, { status: 'ok' }];

/** Double of a Databunker server: the sessions of its API, for whoever has the token. */
function startDatabunker() {
  const sessions = new Map();
  const asked = (answer) => (question) => {
    if (question.headers['x-bunker-token'] !== TOKEN) return [401, { status: 'error', message: 'access denied' }];
    return answer(question);
  };
  return startHttpDouble('Databunker', {
    'GET /v1/session/:': asked(({ parts: [sid] }) => (sessions.has(sid)
      ? [200, { status: 'ok', session: sid, data: sessions.get(sid) }]
      : [404, { status: 'error', message: 'not found' }])),
    'POST /v1/session/:': asked(({ parts: [sid], body }) => {
      sessions.set(sid, body);
      return DONE;
    }),
    'DELETE /v1/session/:': asked(({ parts: [sid] }) => {
      sessions.delete(sid);
      return DONE;
    }),
  });
}

module.exports = { startDatabunker, TOKEN };
