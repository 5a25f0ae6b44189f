'use strict';

const assert = require('node:assert/strict');

const { ACCEPT, open } = require('../socket');

const MINUTE = 60 * 1000;

module.exports = {
  title: 'ws, with upgrades handled by session(req, {}, next)',
  variants: [{ EXPRESS: 'express4' }],
  random: [ACCEPT],

  async steps(stage) {
    const { browser, later } = stage;
    const ada = browser();

    // Nobody without a login, with a forged cookie or with one of nobody.
    await open(stage, ada, '/chat');
    await open(stage, ada, '/asking');
    for (const cookie of ['s%3Aforged.signature', '%', '']) {
      const forger = browser();
      forger.jar.set('connect.sid', cookie);
      await open(stage, forger, '/chat');
    }

    await ada.form('/login', { name: 'ada' });
    const chat = await open(stage, ada, '/chat');
    const asking = await open(stage, ada, '/asking');

    // Unsaved, then saved; over what the site wrote meanwhile, and with it.
    await chat.ask('count');
    await ada.get('/session');
    await chat.ask('count save');
    await ada.get('/session');
    await ada.form('/name', { name: 'lost' });
    await chat.ask('count save');
    await ada.form('/name', { name: 'kept' });
    await chat.ask('reload count save');
    await asking.ask('reload count save');
    await ada.get('/session');

    // The session lasts an hour from the last time that somebody came or touched it.
    await later(50 * MINUTE);
    await chat.ask('touch save');
    await later(50 * MINUTE);
    await ada.get('/session');
    await chat.ask('reload');
    await later(61 * MINUTE);
    await chat.ask('reload');
    await ada.get('/session');

    // What was saved without asking is there again.
    await chat.ask('touch save');
    await ada.get('/session');

    // Logged out on the site, which closes both.
    await ada.form('/logout', {});
    await chat.ended();
    await asking.ended();
    await ada.get('/session');

    // A guest: the cookie comes with the handshake.
    const guest = browser();
    const greeting = await open(stage, guest, '/greeting');
    await guest.get('/session');
    await greeting.ask('regenerate count save');
    await guest.get('/session');
    await greeting.ask('destroy');
    greeting.close();
    await greeting.ended();
  },

  check(story) {
    const unauthorized = '401';
    assert.deepEqual(story.statuses('UPGRADE /chat'), [...Array(4).fill(unauthorized), '101']);
    assert.deepEqual(story.statuses('UPGRADE /asking'), ['403', '101']);
    assert.deepEqual(story.cookies('UPGRADE /chat').flat(), []);
    assert.match(story.cookies('UPGRADE /greeting')[0][0], /^connect\.sid=SID-4, signed; Path=\/; Expires=/);

    assert.equal(story.told('count')[0].session.count, 1);
    assert.deepEqual(story.told('count save').map(({ session }) => session.count), [2, 3]);
    assert.deepEqual(story.told('reload count save').map(({ session }) => [session.count, session.name, session.user]),
      [[4, 'kept', 'ada'], [5, 'kept', 'ada']]);
    assert.deepEqual(story.told('reload').map(({ errors }) => errors), [[], ['failed to load session']]);
    assert.ok(story.told('reload count save').every(({ same }) => same));

    const [regenerated] = story.told('regenerate count save');
    assert.deepEqual([regenerated.id, regenerated.session.count], ['SID-5', 1]);
    assert.equal(story.told('destroy')[0].session, undefined);
    assert.deepEqual(story.told('closed /chat'), [[4000, 'logged out']]);

    const sessions = story.objects('GET /session').map(({ id, session: { cookie: _cookie, ...data } }) => [id, data]);
    const kept = { user: 'ada', count: 4, name: 'kept' };
    assert.deepEqual(sessions, [
      ['SID-1', { user: 'ada' }],
      ['SID-1', { user: 'ada', count: 2 }],
      ['SID-1', { ...kept, count: 5 }],
      // The first socket did not know of what the second had saved.
      ['SID-1', kept],
      ['SID-2', {}],
      ['SID-1', kept],
      ['SID-3', {}],
      ['SID-4', { user: 'guest' }],
      ['SID-6', {}],
    ]);
  },
};
