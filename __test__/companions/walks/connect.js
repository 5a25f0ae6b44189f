'use strict';

const assert = require('node:assert/strict');

const MINUTE = 60 * 1000;

module.exports = {
  title: 'Connect, with apps in apps',

  async steps({ browser, later }) {
    const ada = browser();

    await ada.get('/nowhere');
    await ada.get('/count');
    await ada.get('/outer/middle/inner/most?q=1');
    await ada.get('/twice');
    await ada.get('/twice');
    await ada.json('/body', { name: 'Ada – ② 🦀' });
    await ada.head('/count');
    await later(9 * MINUTE);
    // An error page of Connect, one of the app.
    await ada.get('/error');
    await ada.get('/throw');
    await later(9 * MINUTE);
    await ada.get('/count');
    await ada.get('/logout');
    await ada.get('/count');
    await later(11 * MINUTE);
    await ada.get('/count');
  },

  check(story) {
    assert.deepEqual(story.statuses('GET /nowhere'), ['404']);
    assert.deepEqual(story.cookieNames('GET /count')[0], ['other', 'connect.sid']);
    assert.deepEqual(story.objects('GET /outer/middle/inner/most?q=1'), [['/most?q=1', '/outer/middle/inner/most?q=1']]);
    assert.deepEqual(story.objects('GET /twice').map(({ messages }) => messages), [{ info: ['seen /most?q=1'] }, {}]);
    assert.deepEqual(story.cookieNames('GET /twice'), [['connect.sid'], ['connect.sid']]);
    assert.deepEqual(story.bodies('POST /body'), ['{"name":"Ada – ② 🦀"}']);
    assert.deepEqual(story.statuses('GET /error'), ['418']);
    assert.deepEqual(story.objects('GET /throw'), [{ message: 'thrown', views: 2 }]);

    // Each answer prolongs the session, so it lasted 18 minutes: until it was destroyed, and when 11 passed.
    const counts = story.objects('GET /count');
    assert.deepEqual(counts.map(({ session }) => session.views), [1, 3, 1, 1]);
    assert.deepEqual([counts[1].session.errors, counts[1].session.body], [1, '{"name":"Ada – ② 🦀"}']);
    assert.equal(new Set(counts.map(({ id }) => id)).size, 3);
  },
};
