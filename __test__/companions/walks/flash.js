'use strict';

const assert = require('node:assert/strict');

module.exports = {
  title: 'connect-flash',
  variants: [{ EXPRESS: 'express' }],

  async steps({ browser }) {
    const ada = browser();

    await ada.get('/without');
    await ada.get('/session');
    // Even who asks for messages has a session from then on.
    await ada.get('/hear');
    await ada.get('/say');
    await ada.get('/session');
    await ada.get('/hear?type=warning');
    await ada.get('/hear?type=warning');
    await ada.get('/say');
    await ada.get('/move');
    await ada.get('/session');
    await ada.get('/hear');
    await ada.get('/hear');
    await ada.get('/redirect');
    await ada.head('/hear?type=info');
    await ada.get('/redirect');
    await browser().get('/hear?type=info');
    await ada.get('/hear?type=info');
    await ada.get('/session');
  },

  check(story) {
    assert.deepEqual(story.objects('GET /without'), [{ message: 'req.flash() requires sessions' }]);
    assert.deepEqual(story.cookieNames('GET /hear')[0], ['connect.sid']);
    assert.deepEqual(story.objects('GET /say'), [[1, 2, 2, 3], [4, 5, 2, 6]]);
    assert.deepEqual(story.objects('GET /hear?type=warning'), [['first', 'second'], []]);

    const info = ['plain', 'formatted of 2: {"a":1}', 'ünïcode 🦀'];
    const moved = { info: [...info, ...info], warning: ['first', 'second'] };
    assert.deepEqual(story.objects('GET /hear'), [{}, moved, {}]);
    assert.deepEqual(story.objects('GET /move')[0].session.flash, moved);
    assert.deepEqual(story.objects('GET /hear?type=info'), [[], ['redirected']]);

    // A message that nobody read, as a HEAD took it, then an emptied list.
    const sessions = story.objects('GET /session');
    assert.deepEqual(sessions.map(({ session }) => session.flash),
      [undefined, { info, warning: ['first', 'second'] }, moved, {}]);
    assert.deepEqual(sessions.map(({ id }) => id), ['SID-1', 'SID-2', 'SID-3', 'SID-3']);
  },
};
