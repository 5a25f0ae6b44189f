'use strict';

const assert = require('node:assert/strict');

const token = ({ body }) => JSON.parse(body).token;

module.exports = {
  title: 'csurf, with its secret in the session or in a cookie',
  variants: [{ EXPRESS: 'express4' }],
  random: [
    ['TOKEN', /(?<![\w-])[\w-]{8}-[\w-]{27}(?![\w-])/g],
    // In the session, and in the signed cookie.
    ['SECRET', /(?<="csrfSecret":")[\w-]{24}/g],
    ['GUARD', /(?<=guard=)s%3A[^;]+/g],
  ],

  async steps({ browser }) {
    const ada = browser();
    const grace = browser();

    await ada.get('/misconfigured');
    await ada.form('/form', {});
    const first = token(await ada.get('/form'));
    await ada.get('/form');
    await ada.form('/form', { _csrf: first });
    await ada.json('/form', {}, { 'X-Token': first });
    await ada.json('/form', {}, { 'X-Token': first.replace(/.$/, (last) => (last === 'x' ? 'y' : 'x')) });
    await grace.get('/form');
    await grace.form('/form', { _csrf: first });
    await ada.get('/session');

    const second = token(await ada.form('/login', { _csrf: first }));
    await ada.form('/form', { _csrf: first });
    await ada.form('/form', { _csrf: second });
    await ada.get('/session');
    await ada.form('/logout', { _csrf: second });
    await ada.form('/form', { _csrf: second });
    await ada.get('/session');

    // Beside the session's cookie, on one response.
    const third = token(await grace.get('/cookie'));
    await grace.form('/cookie', { _csrf: third });
    await grace.form('/cookie', { _csrf: second });
    const linus = browser();
    const fourth = token(await linus.get('/cookie'));
    await linus.form('/cookie', { _csrf: fourth });
    await linus.get('/session');
  },

  check(story) {
    assert.deepEqual(story.objects('GET /misconfigured'), [{ message: 'misconfigured csrf' }]);
    assert.deepEqual(story.statuses('POST /form'), ['403', '201', '201', '403', '403', '403', '201', '403']);
    assert.deepEqual(story.statuses('POST /login'), ['200']);
    assert.deepEqual(story.statuses('POST /logout'), ['204']);
    assert.deepEqual(story.statuses('POST /cookie'), ['201', '403', '201']);
    assert.deepEqual(story.cookieNames('GET /cookie'), [['guard'], ['guard']]);
    assert.deepEqual(story.cookieNames('POST /cookie')[2], ['connect.sid']);

    const sessions = story.objects('GET /session').map(({ id, session: { cookie: _cookie, ...data } }) => [id, data]);
    assert.deepEqual(sessions, [
      ['SID-1', { csrfSecret: 'SECRET-1', refused: 2, posts: 2 }],
      ['SID-3', { user: 'ada', csrfSecret: 'SECRET-2', refused: 1, posts: 1 }],
      ['SID-4', { csrfSecret: 'SECRET-3', refused: 1 }],
      ['SID-5', { posts: 1 }],
    ]);
  },
};
