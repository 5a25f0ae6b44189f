'use strict';

const assert = require('node:assert/strict');

const connect = require('../client');

module.exports = {
  title: 'express-socket.io-session',
  variants: [{ WAY: 'saving by itself' }, { WAY: 'saved by hand' }],

  async steps(stage) {
    const { browser } = stage;
    const ada = browser();

    await ada.get('/login');
    for (const transport of ['polling', 'websocket']) {
      const visitor = await connect(stage, ada, [transport]);

      await visitor.ask('read');
      await visitor.ask('count');
      // Autosave comes after the event. This answer comes after both.
      await visitor.ask('read');
      await ada.get('/session');
      await visitor.ask('save');
      await ada.get('/session');
      await visitor.ask('count');
      await visitor.ask('reload');
      await visitor.ask('logout');
      await visitor.ask('read');
      await ada.get('/session');
      await ada.get('/login');
      visitor.client.close();
    }

    const stranger = await connect(stage, browser(), ['websocket']);
    await stranger.ask('read');
    await stranger.ask('count');
    await stranger.ask('read');
    await ada.get('/stored');
    await stranger.ask('save');
    await ada.get('/stored');
    stranger.client.close();
  },

  check(story, { WAY }) {
    const auto = WAY === 'saving by itself';
    const counts = (event) => story.told(event).map(({ session }) => session.count);

    assert.deepEqual(story.told('connected'), ['polling', 'websocket', 'websocket']);
    assert.deepEqual(counts('count'), auto ? [1, 2, 3, 4, 1] : [1, 2, 2, 3, 1]);
    // Back to what was saved.
    assert.deepEqual(counts('reload'), auto ? [2, 4] : [1, 2]);

    const users = story.objects('GET /session').map(({ session }) => [session.user, session.count]);
    assert.deepEqual(users, auto
      ? [['ada', 1], ['ada', 1], [undefined, 2], ['ada', 3], ['ada', 3], [undefined, 4]]
      : [['ada', undefined], ['ada', 1], ['ada', 1], ['ada', 1], ['ada', 2], ['ada', 2]]);

    // The stranger's session, which had no cookie, before and after it was saved by hand.
    const stored = story.objects('GET /stored').map((sessions) => Object.keys(sessions).length);
    assert.deepEqual(stored, auto ? [2, 2] : [1, 2]);

    const [{ cookies, signed, keys }] = story.told('read');
    assert.deepEqual([cookies, signed], auto
      ? [{ 'connect.sid': 'SID-1, signed' }, {}]
      : [{}, { 'connect.sid': 'SID-1' }]);
    assert.deepEqual(keys.slice(-3), ['sessionStore', 'sessionID', 'session']);
  },
};
