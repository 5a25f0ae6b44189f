'use strict';

const assert = require('node:assert/strict');

const ada = { username: 'ada', password: 'right' };

module.exports = {
  title: 'passport, with keepSessionInfo and its messages',
  // A store whose methods were replaced is called for everything, and tells of it.
  variants: [{ EXPRESS: 'express' }, { EXPRESS: 'express4' }, { EXPRESS: 'express', LEDGER: 'calls counted' }],

  async steps({ browser }) {
    const one = browser();
    const two = browser();
    const ledger = browser();
    const calls = () => ledger.get('/calls');

    // Login keeps the basket where it is asked to, and takes it away otherwise.
    for (const [visitor, path] of [[one, '/login/keep'], [two, '/login']]) {
      await visitor.get('/basket?add=tea');
      await visitor.get('/private?page=2');
      await visitor.form(path, { ...ada, password: 'wrong' });
      await visitor.get('/login');
      await visitor.form(path, {});
      await visitor.get('/login');
      await visitor.form(path, { ...ada, password: 'crash' });
      await calls();
      const before = new Map(visitor.jar);
      await visitor.form(path, ada);
      await calls();
      await visitor.get('/private');
      await calls();
      await visitor.get('/seen');
      const stale = browser();
      before.forEach((value, name) => stale.jar.set(name, value));
      await stale.get('/private');
    }

    // Over an existing login.
    await one.form('/link', { username: 'grace', password: 'right' });
    await one.form('/once', { username: 'grace', password: 'right' });
    await one.form('/login/keep', { username: 'grace', password: 'right' });
    await one.get('/seen');

    await one.get('/basket?add=milk');
    await one.form('/logout', { keep: 'yes' });
    await calls();
    await one.get('/seen');
    await one.get('/private');
    await two.form('/logout', {});
    await two.get('/seen');

    await two.get('/basket?add=salt');
    await two.form('/signup', { username: 'edsger', keep: 'yes' });
    await two.get('/seen');
    await two.form('/signup', { username: 'barbara' });
    await two.get('/seen');
    await two.form('/destroy', {});
    await calls();
    await two.get('/seen');

    await one.form('/once', { username: 'grace', password: 'wrong' });
    await one.form('/login', { username: 'barbara', password: 'right' });
    await one.form('/leave', {});
    await one.get('/seen');
  },

  check(story, { LEDGER }) {
    // A failed login leaves one message, once.
    assert.deepEqual(story.objects('GET /login'), [['not ada'], ['Missing credentials'], ['not ada'], ['Missing credentials']]);
    assert.equal(story.bodies('POST /login')[2], '{"message":"no database","attempts":2}');

    // Where to return to was forgotten with the rest by the login that keeps nothing.
    assert.deepEqual(story.statuses('POST /login/keep'), ['302 /login', '302 /login', '500', '302 /private?page=2', '302 /seen']);
    assert.deepEqual(story.statuses('POST /login'), ['302 /login', '302 /login', '500', '302 /seen', '302 /seen']);
    assert.deepEqual(story.statuses('GET /private?page=2'), ['302 /login', '302 /login']);
    assert.deepEqual(story.bodies('GET /private').map((body) => body.split('.')[0]),
      ['for ada', 'Found', 'for ada', 'Found', 'Found']);

    const seen = story.objects('GET /seen');
    assert.ok(seen.every(({ own }) => own));
    assert.equal(new Set(seen.map(({ id }) => id)).size, seen.length);
    assert.deepEqual(seen.map(({ user, session }) => [user && user.name, session.basket, session.messages]), [
      ['ada', ['tea'], ['Welcome back']],
      ['ada', undefined, undefined],
      ['grace', ['tea'], ['Welcome back', 'Welcome back']],
      // After the logouts.
      [undefined, ['tea', 'milk'], ['Welcome back', 'Welcome back']],
      [undefined, undefined, undefined],
      ['edsger', ['salt'], undefined],
      ['barbara', undefined, undefined],
      // After the session was destroyed, and after the user was.
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
    assert.equal(seen[2].session.linked, 'grace');
    assert.deepEqual(seen[8].session.passport, {});

    assert.deepEqual(story.objects('POST /link'), [{ user: 'ada', linked: 'grace' }]);
    assert.deepEqual(story.bodies('POST /once'), ['once grace', 'Unauthorized']);
    assert.deepEqual(story.cookieNames('POST /destroy'), [['connect.sid']]);

    const calls = story.objects('GET /calls');
    const [, login, visit] = calls;
    if (LEDGER) assert.deepEqual([login, visit], [['get', 'regenerate', 'destroy', 'set', 'set'], ['get', 'set']]);
    else assert.deepEqual(calls.flat(), []);
  },
};
