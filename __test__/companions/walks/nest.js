'use strict';

const assert = require('node:assert/strict');

module.exports = {
  title: 'NestJS on platform-express',

  async steps({ browser }) {
    const ada = browser();

    await ada.get('/v1/home');
    await ada.get('/v1/count');
    await ada.get('/v1/count');
    await ada.get('/v1/account');
    await ada.json('/v1/login', { username: 'ada' });
    await ada.get('/v1/account');
    await ada.get('/v1/account');
    await ada.get('/v1/fail');
    await ada.get('/v1/break');
    await ada.get('/v1/nowhere');
    await ada.get('/v1/file');
    await ada.head('/v1/file');
    await ada.get('/v1/events');
    await ada.get('/v1/count');
    await ada.get('/v1/seen');
    await ada.json('/v1/logout', {});
    await ada.get('/v1/account');
    await ada.get('/v1/seen');
  },

  check(story) {
    assert.deepEqual(story.statuses('GET /v1/home'), ['302 /v1/count']);
    const keys = ['cookie', 'entries', 'calls', 'visits'];
    assert.deepEqual(story.objects('GET /v1/count').slice(0, 2), [
      { value: { visits: 1, keys }, calls: 1 },
      { value: { visits: 2, keys }, calls: 2 },
    ]);
    assert.deepEqual(story.cookieNames('GET /v1/count')[0], ['connect.sid']);
    assert.deepEqual(story.statuses('GET /v1/account'), ['403', '200', '200', '403']);
    assert.deepEqual(story.objects('GET /v1/account').slice(1, 3), [
      { user: 'ada', messages: ['Welcome ada'] },
      { user: 'ada', messages: [] },
    ]);
    assert.deepEqual(story.objects('GET /v1/fail'), [{ message: 'not here', errors: 1 }]);
    assert.deepEqual(story.objects('GET /v1/break'), [{ message: 'broken', errors: 2 }]);
    assert.deepEqual(story.statuses('GET /v1/nowhere'), ['404']);
    assert.deepEqual(story.bodies('GET /v1/file'), ['a file']);
    assert.match(story.bodies('GET /v1/events')[0], /data: one\n[^]*data: two\n/);

    const [before, after] = story.objects('GET /v1/seen');
    assert.deepEqual(Object.keys(before.session),
      ['cookie', 'user', 'flash', 'failing', 'errors', 'files', 'events', 'entries', 'calls', 'visits']);
    assert.equal(before.session.files, 2);
    assert.equal(before.id, story.objects('POST /v1/login')[0].id);
    assert.deepEqual(story.objects('POST /v1/logout'), [{ session: 'undefined' }]);
    assert.notEqual(after.id, before.id);
  },
};
