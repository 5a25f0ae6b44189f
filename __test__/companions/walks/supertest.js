'use strict';

const assert = require('node:assert/strict');

module.exports = {
  title: 'supertest and its agents',
  variants: [{ EXPRESS: 'express' }],

  check(story) {
    assert.deepEqual(story.bodies('GET /'), ['views: 1', 'views: 1', 'views: 1', 'views: 2']);
    assert.deepEqual(story.cookieNames('HEAD /'), [['connect.sid']]);
    assert.deepEqual(story.statuses('POST /login'), ['302 /private']);
    assert.deepEqual(story.statuses('POST /logout'), ['204']);
    assert.deepEqual(story.told('stored'), [[]]);

    const answers = story.answers('GET /private');
    const ada = { user: 'ada', cookies: ['connect.sid', 'theme'] };
    assert.deepEqual(answers.map(({ redirects }) => redirects).filter(({ length }) => length), [['/private'], ['/private']]);
    assert.deepEqual(answers.map(({ body }) => JSON.parse(body)), [
      { moved: true, cookies: ['connect.sid'] },
      ada,
      ada,
      { cookies: [] },
      { user: 'ada', cookies: ['connect.sid'] },
      { user: 'ada', cookies: ['connect.sid', 'more'] },
      ...Array(10).fill(ada),
      { ...ada, user: 'grace' },
      { cookies: ['connect.sid', 'theme'] },
      { cookies: ['theme'] },
    ]);
  },
};
