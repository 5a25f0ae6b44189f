'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { MemoryStore } = require('../..');
const { createApp } = require('../../examples/app/app');
const { storeOptions } = require('../../examples/app/store');
const { serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { clock } = require('../clock');
const { ledger } = require('../compat/app');
const { start } = require('./child');

/** That of everybody in this demo. */
const password = 'sesame';

const views = ({ body }) => Number(body.match(/id="views">(\d+)</)[1]);

describe('the example app', () => {
  let app;

  before(async () => { app = await start(); });
  after(() => app.stop());

  it('prints the URL it really listens on, and a note about SECRET', () => {
    assert.notEqual(new URL(app.url).port, '0');
    assert.match(app.stdout, /^SECRET is not set\b.*\nListening on http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });

  it('counts the views of each path, for each visitor', async () => {
    const ada = new Visitor(app.url);
    const grace = new Visitor(app.url);

    assert.equal(views(await ada.get('/foo')), 1);
    assert.equal(views(await ada.get('/foo')), 2);
    assert.equal(views(await ada.get('/bar')), 1);
    assert.equal(views(await grace.get('/foo')), 1);
    assert.equal(views(await ada.get('/foo')), 3);
    assert.notEqual(ada.jar.header, grace.jar.header);
  });

  it('sends one cookie for a session, out of the reach of scripts and other sites', async () => {
    const visit = new Visitor(app.url);

    await visit.get('/');
    assert.match(visit.jar.last, /^connect\.sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);

    const again = await visit.get('/');
    assert.deepEqual(again.cookies, []);
  });

  it('gives no cookie to a visitor about whom it stores nothing', async () => {
    const visit = new Visitor(app.url);

    for (const path of ['/assets/style.css', '/login', '/session', '/nowhere']) await visit.get(path);
    assert.equal(visit.jar.header, '');
  });

  it('logs in under a new session id and keeps the counters', async () => {
    const visit = new Visitor(app.url);

    await visit.get('/');
    const before = visit.jar.header;

    const login = await visit.post('/login', { name: ' Ada ', password });
    assert.equal(login.status, 303);
    assert.equal(login.headers.location, '/');
    assert.notEqual(visit.jar.header, before);

    const home = await visit.get('/');
    assert.match(home.body, /Ada Lovelace/);
    assert.equal(views(home), 2);

    // Whoever knows only the id from before the login is nobody.
    const thief = new Visitor(app.url);
    thief.jar.header = before;
    const stolen = await thief.get('/');
    assert.doesNotMatch(stolen.body, /Ada Lovelace/);
    assert.equal(views(stolen), 1);
  });

  it('refuses an unknown name and repeats it escaped', async () => {
    const visit = new Visitor(app.url);
    const login = await visit.post('/login', { name: '<img src=x onerror="a()">&\'', password });

    assert.equal(login.status, 401);
    assert.ok(login.body.includes('&lt;img src=x onerror=&quot;a()&quot;&gt;&amp;&#39;'));
    assert.ok(!login.body.includes('<img'));
    assert.equal(visit.jar.header, '');
  });

  for (const [what, body] of [
    ['no name', 'password=sesame'],
    ['two names', 'name=ada&name=grace&password=sesame'],
    ['a name every object has', 'name=constructor&password=sesame'],
    ['no password', 'name=ada'],
    ['a wrong password', 'name=ada&password=Sesame'],
    ['two passwords', 'name=ada&password=sesame&password=sesame'],
  ]) {
    it(`refuses ${what}`, async () => {
      const login = await new Visitor(app.url).ask('POST', '/login', {
        body, headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(login.status, 401);
      assert.match(login.body, /id="error"/);
    });
  }

  it('survives a form without a body and one that is too large', async () => {
    assert.equal((await new Visitor(app.url).post('/login')).status, 401);
    assert.equal((await new Visitor(app.url).post('/login', { name: 'x'.repeat(5000) })).status, 413);
  });

  it('shows the session, and of its id only the start', async () => {
    const visit = new Visitor(app.url);

    assert.match((await visit.get('/session')).body, /id="fresh"/);
    await visit.get('/bar');
    await visit.post('/login', { name: 'grace', password });

    const { body } = await visit.get('/session');
    const shown = JSON.parse(body.match(/<pre id="session">([^<]*)</)[1].replaceAll('&quot;', '"'));

    assert.deepEqual(shown.views, { '/bar': 1 });
    assert.deepEqual(shown.user, { name: 'grace', fullName: 'Grace Hopper' });
    assert.equal(shown.cookie.httpOnly, true);

    const sid = decodeURIComponent(visit.jar.header.split('=')[1]).slice(2).split('.')[0];
    assert.equal(body.match(/id="sid">([^<]*)</)[1], sid.slice(0, 6));
    assert.ok(!body.includes(sid));
  });

  it('logs out: the cookie is cleared and the session is gone', async () => {
    const visit = new Visitor(app.url);

    await visit.post('/login', { name: 'linus', password });
    const before = visit.jar.header;

    const logout = await visit.post('/logout');
    assert.equal(logout.status, 303);
    assert.deepEqual(logout.cookies, ['connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax']);
    assert.equal(visit.jar.header, '');

    visit.jar.header = before;
    assert.doesNotMatch((await visit.get('/')).body, /Linus/);
    assert.notEqual(visit.jar.header, before);
  });

  it('takes no log out from a link', async () => {
    assert.equal((await new Visitor(app.url).get('/logout')).status, 404);
  });

  it('begins anew when the cookie was changed', async () => {
    const visit = new Visitor(app.url);

    await visit.get('/');
    await visit.get('/');
    const tampered = visit.jar.header.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));

    visit.jar.header = tampered;
    assert.equal(views(await visit.get('/')), 1);
    assert.notEqual(visit.jar.header, tampered);
  });

  it('keeps every page out of caches, and the stylesheet in them', async () => {
    const visit = new Visitor(app.url);

    for (const path of ['/', '/foo', '/session', '/login', '/nowhere']) {
      const { headers } = await visit.get(path);
      assert.deepEqual([headers['cache-control'], headers.vary], ['no-store', 'Cookie'], path);
    }
    const { status, headers } = await visit.get('/assets/style.css');
    assert.deepEqual([status, headers['cache-control'], headers.vary], [200, 'public, max-age=0', undefined]);
  });

  it('answers an unknown page with an escaped 404', async () => {
    const { status, body } = await new Visitor(app.url).get('/<b>');

    assert.equal(status, 404);
    assert.ok(body.includes('/&lt;b&gt;') && !body.includes('<b>'));
  });
});

describe('the example app, hours later', () => {
  const MINUTE = 60 * 1000;
  const left = ({ body }) => ['idle', 'absolute', 'renewal'].map((id) => Number(body.match(`id="${id}">(\\d+)<`)?.[1]));

  /** A visitor of an app whose clock stands still. */
  async function open(t, store = ledger()) {
    const time = clock(t, Date.now());
    const { url } = await serve(createApp({ secret: 'x', store }), t);

    return { time, store, visit: new Visitor(url) };
  }

  it('shows how long the session lasts, also after a login, with which its time begins', async (t) => {
    const { time, visit } = await open(t, new MemoryStore(storeOptions));

    assert.deepEqual(left(await visit.get('/session')), [NaN, NaN, NaN]);
    await visit.get('/');
    assert.deepEqual(left(await visit.get('/session')), [15, 480, 60]);
    time.tick(10 * MINUTE);
    assert.deepEqual(left(await visit.get('/session')), [15, 470, 50]);
    await visit.post('/login', { name: 'ada', password });
    assert.deepEqual(left(await visit.get('/session')), [15, 480, 60]);
  });

  it('ends a session that nobody uses, and one that is too old', async (t) => {
    const { time, store, visit } = await open(t);

    await visit.get('/');
    time.tick(15 * MINUTE);
    assert.match((await visit.get('/session')).body, /id="fresh"/);
    assert.equal(store.data.size, 0);
    await visit.get('/');
    for (let minutes = 10; minutes < 480; minutes += 10) {
      time.tick(10 * MINUTE);
      assert.deepEqual(left(await visit.get('/session')).slice(0, 2), [15, 480 - minutes]);
    }
    time.tick(10 * MINUTE);
    assert.match((await visit.get('/session')).body, /id="fresh"/);
  });

  it('changes the id of a session that is used', async (t) => {
    const { time, visit } = await open(t);

    await visit.get('/');
    const before = visit.jar.header;

    for (let i = 0; i < 6; i++) {
      time.tick(10 * MINUTE);
      await visit.get('/session');
    }
    assert.notEqual(visit.jar.header, before);
    const page = await visit.get('/session');
    assert.deepEqual(left(page), [15, 420, 60]);
    assert.equal(views(await visit.get('/')), 2);
  });
});

describe('the example app with a store that takes its time, or fails', () => {
  /** A visitor of an app, and the store of it. */
  async function open(t) {
    // It writes down the error of a page that broke.
    t.mock.method(console, 'error', () => {});
    const store = ledger();
    const { url } = await serve(createApp({ secret: 'x', store }), t);

    return { store, visit: new Visitor(url) };
  }

  it('redirects nobody before the login is stored', async (t) => {
    const { store, visit } = await open(t);
    const { set } = store;
    store.set = (...args) => { setTimeout(set, 50, ...args); };

    let page;
    await visit.ask('POST', '/login', {
      form: { name: 'ada', password },
      // As a browser does, which waits for no body.
      onResponse: ({ headers }) => {
        visit.jar.take(headers['set-cookie']);
        page = visit.get('/');
      },
    });
    assert.match((await page).body, /Ada Lovelace/);
  });

  it('says so when a login is not stored, and nobody is logged in', async (t) => {
    const { store, visit } = await open(t);

    store.fails.set = new Error('down');
    const { status, body, cookies } = await visit.post('/login', { name: 'ada', password });
    assert.equal(status, 500);
    assert.match(body, /Something broke/);
    assert.deepEqual(cookies, []);

    store.fails.set = undefined;
    assert.doesNotMatch((await visit.get('/')).body, /Ada Lovelace/);
  });

  it('says so when a logout is refused, and the visitor can try again', async (t) => {
    const { store, visit } = await open(t);

    await visit.post('/login', { name: 'ada', password });
    store.fails.destroy = new Error('down');
    assert.equal((await visit.post('/logout')).status, 500);
    assert.match((await visit.get('/')).body, /Ada Lovelace/);

    store.fails.destroy = undefined;
    assert.equal((await visit.post('/logout')).status, 303);
    assert.equal(visit.jar.header, '');
    assert.equal(store.data.size, 0);
  });

  it('asks no store for the stylesheet', async (t) => {
    const { store, visit } = await open(t);

    await visit.get('/');
    store.take();
    assert.equal((await visit.get('/assets/style.css')).status, 200);
    assert.deepEqual(store.take(), []);
  });
});
