'use strict';

const assert = require('node:assert/strict');

const HOUR = 60 * 60 * 1000;

module.exports = {
  title: 'routers, sub-apps, views, files and streams of Express',
  variants: [{ EXPRESS: 'express' }, { EXPRESS: 'express4' }],

  async steps({ browser, later }) {
    const ada = browser();

    await ada.get('/before');
    await ada.get('/peek');
    for (const part of ['shop', 'staff', 'shop', 'staff']) await ada.get(`/${part}`);
    await ada.get('/staffed');

    await ada.get('/count');
    await ada.get('/count');
    await ada.head('/count');
    await ada.get('/view');
    const { headers } = await ada.get('/peek');
    await ada.get('/peek', { headers: { 'If-None-Match': new Map(headers).get('ETag') } });
    for (const path of ['/empty', '/jsonp?callback=f', '/file', '/cookies', '/peek', '/head', '/flush', '/stream', '/peek']) {
      await ada.get(path);
    }
    await ada.get('/files/serve.js', { headers: { Range: 'bytes=0-9' } });
    await ada.form('/form', { name: 'Ada' });
    await ada.get('/sub/count');
    await ada.get('/sub/count');
    await ada.get('/throw');
    await ada.get('/reject');
    await ada.get('/nowhere');
    await ada.get('/peek');
    await ada.get('/steps');
    await ada.get('/peek');

    const grace = browser();
    const proxied = { headers: { 'X-Forwarded-Proto': 'https' } };
    await grace.get('/count', proxied);
    await grace.get('/count', proxied);
    await grace.get('/count');

    await later(HOUR - 1);
    await ada.get('/peek');
    await grace.get('/unset');
    await grace.get('/peek');
    await later(HOUR);
    await ada.get('/peek');
    await ada.get('/count');
    await ada.get('/destroy');
    await ada.get('/peek');
  },

  check(story) {
    assert.deepEqual(story.bodies('GET /before'), ['undefined']);

    // Two parts, two sessions.
    assert.deepEqual(story.objects('GET /shop').map(({ session }) => [session.shop, session.staff]), [[1, undefined], [2, undefined]]);
    assert.deepEqual(story.objects('GET /staff').map(({ session }) => session.staff), [1, 2]);
    assert.match(story.cookies('GET /staff')[0][0], /^staff\.sid=SID-\d+, signed; Path=\/staff; HttpOnly$/);

    assert.deepEqual(story.objects('GET /count').map(({ views, secure }) => [views, secure]),
      [[1, false], [2, false], [1, true], [2, true], [3, false], [1, false]]);
    assert.match(story.cookies('GET /count')[0][0], /; Expires=Tue, 01 Jan 2030 01:00:00 GMT; HttpOnly; SameSite=Lax$/);
    assert.match(story.cookies('GET /count')[2][0], /; HttpOnly; Secure; SameSite=None$/);
    assert.match(story.cookies('HEAD /count')[0][0], /signed/);

    assert.deepEqual(story.bodies('GET /view'), ['Page: 3 views\n']);
    assert.deepEqual(story.statuses('GET /peek').slice(0, 4), ['200', '200', '304', '200']);
    assert.deepEqual(story.statuses('GET /cookies'), ['303 /peek']);
    assert.deepEqual(story.cookieNames('GET /cookies'), [['theme', 'plan', 'old', 'connect.sid']]);
    assert.deepEqual(story.cookieNames('GET /head'), [['by', 'connect.sid']]);
    assert.deepEqual(story.cookieNames('GET /flush'), [['connect.sid']]);
    assert.deepEqual(story.bodies('GET /stream'), ['one two three']);
    assert.deepEqual(story.statuses('GET /files/serve.js'), ['206']);
    assert.deepEqual(story.bodies('GET /throw'), ['{"message":"thrown"}']);
    assert.deepEqual(story.statuses('GET /reject'), ['500']);

    const peeks = story.objects('GET /peek');
    const [before, step, after] = story.objects('GET /steps')[0];
    assert.deepEqual({ ...peeks[4].session, cookie: 'as ever' }, {
      cookie: 'as ever', views: 3, files: 1, theme: 'dark', heads: 1, flushed: 1, late: 1, streams: 1, name: 'Ada', sub: 2, thrown: 1,
    });
    assert.equal(peeks[4].id, before);
    assert.equal(step, 1);
    assert.deepEqual([peeks[5].id, peeks[5].session.fresh, peeks[5].session.views], [after, true, undefined]);

    // The last moment of the hour, Grace without her session, then Ada without hers.
    assert.deepEqual(peeks.slice(6, 9).map(({ session }) => session.fresh), [true, undefined, undefined]);
    assert.deepEqual(story.objects('GET /destroy'), [{ session: 'undefined' }]);
  },
};
