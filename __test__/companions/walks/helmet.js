'use strict';

const assert = require('node:assert/strict');

module.exports = {
  title: 'helmet',
  variants: [{ EXPRESS: 'express', ORDER: 'helmet session' }, { EXPRESS: 'express4', ORDER: 'session helmet' }],

  async steps({ browser }) {
    const ada = browser();
    const secure = { headers: { 'X-Forwarded-Proto': 'https' } };

    // No cookie goes over an insecure connection.
    await ada.get('/');
    await ada.get('/', secure);
    await ada.get('/', secure);
    await ada.get('/broken', secure);
  },

  check(story, { ORDER }) {
    assert.deepEqual(story.cookieNames('GET /'), [['first'], ['first', 'connect.sid'], ['first']]);
    assert.match(story.cookies('GET /')[1][1], /^connect\.sid=SID-\d, signed; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    assert.deepEqual(story.objects('GET /').map(({ nonce }) => nonce), [1, 1, 2]);
    assert.deepEqual(story.statuses('GET /broken'), ['500']);

    const policies = [...story.answers('GET /'), ...story.answers('GET /broken')]
      .map(({ headers }) => new Map(headers).get('Content-Security-Policy').match(/nonce-([^']+)/)[1]);
    assert.deepEqual(policies, ORDER === 'session helmet'
      ? ['undefined', 'undefined', '1', '2']
      : ['none yet', 'none yet', 'none yet', 'none yet']);
  },
};
