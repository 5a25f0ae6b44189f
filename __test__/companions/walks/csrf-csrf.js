'use strict';

const assert = require('node:assert/strict');

const token = ({ body }) => ({ 'X-CSRF-Token': JSON.parse(body).token });

module.exports = {
  title: 'csrf-csrf, with tokens bound to the session',
  variants: [{ EXPRESS: 'express' }],
  random: [['TOKEN', /[0-9a-f]{64}\.[0-9a-f]{64}/g]],

  async steps({ browser }) {
    const ada = browser();
    const grace = browser();

    const lost = token(await grace.get('/token'));
    await grace.json('/notes', {}, lost);

    const first = token(await ada.get('/token?keep=yes'));
    await ada.get('/token');
    await ada.json('/notes', {});
    await ada.json('/notes', {}, first);
    await ada.json('/notes', {}, lost);
    await ada.get('/valid', { headers: first });

    // Taken along with the cookie by somebody else.
    await grace.get('/token?keep=yes');
    grace.jar.set('csrf', ada.jar.get('csrf'));
    await grace.json('/notes', {}, first);

    const second = token(await ada.json('/login', {}, first));
    await ada.json('/notes', {}, first);
    await ada.json('/notes', {}, second);
    await ada.get('/session');
    await ada.get('/token');
  },

  check(story) {
    assert.deepEqual(story.statuses('POST /notes'), ['403', '403', '201', '403', '403', '403', '201']);
    assert.deepEqual(story.cookieNames('GET /token?keep=yes')[0], ['csrf', 'connect.sid']);
    assert.deepEqual(story.cookieNames('POST /login'), [['csrf', 'connect.sid']]);
    assert.deepEqual(story.objects('GET /valid'), [true]);

    const [{ id, session }] = story.objects('GET /session');
    assert.equal(id, story.objects('POST /login')[0].id);
    assert.deepEqual([session.user, session.kept, session.notes], ['ada', undefined, 1]);
    // The same token again, as long as it is the same session.
    assert.deepEqual(story.objects('GET /token').map(({ token }) => token), ['TOKEN-1', 'TOKEN-2', 'TOKEN-4']);
  },
};
