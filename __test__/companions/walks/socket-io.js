'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');

const connect = require('../client');
const { ACCEPT, open } = require('../socket');

const SPACE = '/socket.io/?EIO=4&transport=';

module.exports = {
  title: 'socket.io, with the session as middleware',
  variants: [{ WAY: 'of the engine' }, { WAY: 'of a namespace' }, { WAY: 'of a namespace, with the response' }],
  random: [
    ACCEPT,
    // An engine's id.
    ['ENGINE', /(?<="sid":")[\w-]{20}(?=")/g],
  ],

  async steps(stage) {
    const { browser, tell, later } = stage;
    const ada = browser();

    // The answers of the engine: whether a new visitor gets a cookie.
    await browser().get(`${SPACE}polling`);
    const raw = await open(stage, browser(), `${SPACE}websocket`);
    raw.close();

    await ada.form('/login', { name: 'ada' });
    await ada.get(`${SPACE}polling`);
    const known = await open(stage, ada, `${SPACE}websocket`);
    known.close();

    const transports = [['polling'], ['websocket'], ['polling', 'websocket']];
    const visitors = [];
    for (const transport of transports) {
      const visitor = await connect(stage, ada, transport);
      visitors.push(visitor);
      await visitor.ask('read');
      await ada.form('/name', { name: `seen by ${transport.join(' and ')}` });
      await visitor.ask('read');
      await visitor.ask('reload');
      await visitor.ask('count');
      await ada.get('/session');
    }
    const staff = await connect(stage, ada, ['websocket'], '/staff');
    await staff.ask('read');
    visitors.push(staff);
    await connect(stage, browser(), ['websocket'], '/staff');
    await connect(stage, browser(), ['polling'], '/staff');

    const heard = visitors.slice(0, 3).map(({ client }) => once(client, 'everywhere'));
    visitors[1].client.emit('everywhere', 'hello');
    tell('heard', await Promise.all(heard));

    // Out on the site, and so here.
    const closed = visitors.slice(0, 3).map(({ client }) => once(client, 'disconnect'));
    await ada.form('/logout', {});
    tell('closed', (await Promise.all(closed)).map(([reason]) => reason));
    await staff.ask('read');
    await staff.ask('reload');
    await staff.ask('count');
    await ada.get('/session');
    await staff.ask('regenerate');
    await staff.ask('count');
    await staff.ask('destroy');
    staff.client.close();

    // Who never came by HTTP.
    const stranger = await connect(stage, browser(), ['polling', 'websocket']);
    await stranger.ask('count');
    await stranger.ask('reload');
    stranger.client.close();

    // In the engine, each request that polls prolongs the session. Last, because a client
    // that is closed may still send one, at any time.
    const grace = browser();
    await grace.form('/login', { name: 'grace' });
    const polling = await connect(stage, grace, ['polling']);
    await later(30 * 60 * 1000);
    await polling.ask('reload');
    await polling.ask('count');
    await grace.get('/session');
    polling.client.close();
  },

  check(story, { WAY }) {
    // Only the engine has a response that takes the cookie, and only a new visitor gets one.
    const cookies = [...story.cookies(`GET ${SPACE}polling`), ...story.cookies(`UPGRADE ${SPACE}websocket`)];
    const given = cookies.map(([cookie = 'none']) => cookie.replace(/SID-\d+/, 'SID').split('; Path')[0]);
    const fresh = WAY === 'of the engine' ? 'connect.sid=SID, signed' : 'none';
    assert.deepEqual(given, [fresh, 'none', fresh, 'none']);
    assert.deepEqual(story.statuses(`UPGRADE ${SPACE}websocket`), ['101', '101']);

    assert.deepEqual(story.told('connected'), ['polling', 'websocket', 'websocket', 'websocket', 'websocket', 'polling']);
    assert.deepEqual(story.told('refused /staff'), ['not for undefined', 'not for undefined']);
    assert.deepEqual(story.told('heard'), [[['hello'], ['hello'], ['hello']]]);
    assert.deepEqual(story.told('closed'), [Array(3).fill('io server disconnect')]);

    // Each counted on, and the site saw it.
    const [{ id }, { id: graceId }] = story.objects('POST /login');
    const names = ['seen by polling', 'seen by websocket', 'seen by polling and websocket'];
    const seen = story.objects('GET /session').map(({ id, session: { user, name, count } }) => [id, user, name, count]);
    assert.deepEqual(seen, [
      ...names.map((name, i) => [id, 'ada', name, i + 1]),
      // What a socket saved after the logout, without a look at the store.
      [id, 'ada', names[2], 4],
      [graceId, 'grace', undefined, 1],
    ]);

    const answers = ['read', 'reload', 'count', 'regenerate'].flatMap((event) => story.told(event));
    assert.ok(answers.every(({ sameId }) => sameId));
    assert.deepEqual(story.told('reload').map(({ error }) => error),
      [null, null, null, 'failed to load session', null, null]);
    assert.deepEqual(story.told('count').map(({ session }) => session.count), [1, 2, 3, 4, 1, 1, 1]);
    assert.notEqual(story.told('regenerate')[0].id, id);
    assert.equal(story.told('destroy')[0].session, undefined);

    const prolonged = WAY === 'of the engine' ? '01:30' : '01:00';
    assert.equal(story.told('reload')[5].session.cookie.expires, `2030-01-01T${prolonged}:00.000Z`);
  },
};
