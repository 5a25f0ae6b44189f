'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { once } = require('node:events');
const { after, before, describe, it } = require('node:test');

const { start } = require('./child');

/** A visitor: keeps the session cookie, follows no redirect. */
function visitor(url) {
  const jar = { cookie: undefined, attributes: [] };

  async function request(path, init = {}) {
    const response = await fetch(new URL(path, url), {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, ...(jar.cookie && { cookie: jar.cookie }) },
    });

    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split('; ');
      jar.cookie = pair.endsWith('=') ? undefined : pair;
      jar.attributes = attributes;
    }

    return { status: response.status, location: response.headers.get('location'), headers: response.headers, body: await response.text() };
  }

  return {
    jar,
    get: (path) => request(path),
    post: (path, fields) => request(path, { method: 'POST', body: new URLSearchParams(fields) }),
  };
}

const views = ({ body }) => Number(body.match(/id="views">(\d+)</)[1]);

describe('the example app', () => {
  let app;

  before(async () => { app = await start(); });
  after(() => app.stop());

  it('prints the URL it really listens on, and a note about SECRET', () => {
    assert.notEqual(new URL(app.url).port, '0');
    assert.match(app.output.stdout, /^SECRET is not set\b.*\nListening on http:\/\/127\.0\.0\.1:\d+\/\n$/);
  });

  it('counts the views of each path, for each visitor', async () => {
    const ada = visitor(app.url);
    const grace = visitor(app.url);

    assert.equal(views(await ada.get('/foo')), 1);
    assert.equal(views(await ada.get('/foo')), 2);
    assert.equal(views(await ada.get('/bar')), 1);
    assert.equal(views(await grace.get('/foo')), 1);
    assert.equal(views(await ada.get('/foo')), 3);
    assert.notEqual(ada.jar.cookie, grace.jar.cookie);
  });

  it('sends one cookie for a session, out of the reach of scripts and other sites', async () => {
    const visit = visitor(app.url);

    await visit.get('/');
    assert.deepEqual(visit.jar.attributes, ['Path=/', 'HttpOnly', 'SameSite=Lax']);

    const again = await visit.get('/');
    assert.deepEqual(again.headers.getSetCookie(), []);
  });

  it('gives no cookie to a visitor about whom it stores nothing', async () => {
    const visit = visitor(app.url);

    for (const path of ['/style.css', '/login', '/session', '/nowhere']) await visit.get(path);
    assert.equal(visit.jar.cookie, undefined);
  });

  it('logs in under a new session id and keeps the counters', async () => {
    const visit = visitor(app.url);

    await visit.get('/');
    const before = visit.jar.cookie;

    const login = await visit.post('/login', { name: ' Ada ' });
    assert.equal(login.status, 303);
    assert.equal(login.location, '/');
    assert.notEqual(visit.jar.cookie, before);

    const home = await visit.get('/');
    assert.match(home.body, /Ada Lovelace/);
    assert.equal(views(home), 2);

    // Whoever knows only the id from before the login is nobody.
    const thief = visitor(app.url);
    thief.jar.cookie = before;
    const stolen = await thief.get('/');
    assert.doesNotMatch(stolen.body, /Ada Lovelace/);
    assert.equal(views(stolen), 1);
  });

  it('refuses an unknown name and repeats it escaped', async () => {
    const visit = visitor(app.url);
    const login = await visit.post('/login', { name: '<img src=x onerror="a()">&\'' });

    assert.equal(login.status, 401);
    assert.ok(login.body.includes('&lt;img src=x onerror=&quot;a()&quot;&gt;&amp;&#39;'));
    assert.ok(!login.body.includes('<img'));
    assert.equal(visit.jar.cookie, undefined);
  });

  for (const [what, body] of [['no name', ''], ['two names', 'name=ada&name=grace'], ['a name every object has', 'name=constructor']]) {
    it(`refuses ${what}`, async () => {
      const login = await fetch(new URL('/login', app.url), {
        method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      assert.equal(login.status, 401);
      assert.match(await login.text(), /id="error"/);
    });
  }

  it('survives a form without a body and one that is too large', async () => {
    assert.equal((await fetch(new URL('/login', app.url), { method: 'POST' })).status, 401);
    assert.equal((await visitor(app.url).post('/login', { name: 'x'.repeat(5000) })).status, 413);
  });

  it('shows the session, and of its id only the start', async () => {
    const visit = visitor(app.url);

    assert.match((await visit.get('/session')).body, /id="fresh"/);
    await visit.get('/bar');
    await visit.post('/login', { name: 'grace' });

    const { body } = await visit.get('/session');
    const shown = JSON.parse(body.match(/<pre id="session">([^<]*)</)[1].replaceAll('&quot;', '"'));

    assert.deepEqual(shown.views, { '/bar': 1 });
    assert.deepEqual(shown.user, { name: 'grace', fullName: 'Grace Hopper' });
    assert.equal(shown.cookie.httpOnly, true);

    const sid = decodeURIComponent(visit.jar.cookie.split('=')[1]).slice(2).split('.')[0];
    assert.equal(body.match(/id="sid">([^<]*)</)[1], sid.slice(0, 6));
    assert.ok(!body.includes(sid));
  });

  it('logs out: the cookie is cleared and the session is gone', async () => {
    const visit = visitor(app.url);

    await visit.post('/login', { name: 'linus' });
    const before = visit.jar.cookie;

    const logout = await visit.post('/logout');
    assert.equal(logout.status, 303);
    assert.equal(visit.jar.cookie, undefined);

    visit.jar.cookie = before;
    assert.doesNotMatch((await visit.get('/')).body, /Linus/);
    assert.notEqual(visit.jar.cookie, before);
  });

  it('takes no log out from a link', async () => {
    assert.equal((await visitor(app.url).get('/logout')).status, 404);
  });

  it('begins anew when the cookie was changed', async () => {
    const visit = visitor(app.url);

    await visit.get('/');
    await visit.get('/');
    const tampered = visit.jar.cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));

    visit.jar.cookie = tampered;
    assert.equal(views(await visit.get('/')), 1);
    assert.notEqual(visit.jar.cookie, tampered);
  });

  it('answers an unknown page with an escaped 404', async () => {
    // Over http, as fetch would encode the path.
    const [response] = await once(http.get(app.url, { path: '/<b>', agent: false }), 'response');
    let body = '';
    for await (const chunk of response) body += chunk;

    assert.equal(response.statusCode, 404);
    assert.ok(body.includes('/&lt;b&gt;') && !body.includes('<b>'));
  });
});
