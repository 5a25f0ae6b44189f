'use strict';

/** The page "Your devices" of the example app, over HTTP. */

const assert = require('node:assert/strict');
const { test } = require('node:test');

const deviceName = require('../../examples/app/agent');
const { createApp } = require('../../examples/app/app');
const { serve } = require('../../test-kit/app');
const { Visitor } = require('../../test-kit/client');
const { clock } = require('../clock');

const MINUTE = 60 * 1000;
const password = 'sesame';

/** Real ones, of 2024 and 2025. */
const AGENTS = {
  'Firefox on Windows': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Chrome on Android': 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
  'Safari on iPhone': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'Safari on iPad': 'Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1',
  'Safari on macOS': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Edge on Windows': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
  'Opera on Linux': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 OPR/110.0.0.0',
  'Samsung Internet on Android': 'Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36',
  'Firefox on iPhone': 'Mozilla/5.0 (iPhone; CPU iPhone OS 14_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15',
  'Chrome on iPhone': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1',
  'Chrome on ChromeOS': 'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Chrome on Linux': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36',
  'Unknown browser on Windows': 'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)',
  'curl': 'curl/8.5.0',
};

test('names browsers and systems', () => {
  for (const [name, header] of Object.entries(AGENTS)) assert.equal(deviceName(header), name);
  for (const header of [undefined, '', '-', '<b>', 'node']) assert.equal(deviceName(header), 'Unknown device');
});

/** The app, and visitors who have logged in, each from a browser of AGENTS. */
async function open(t, ...logins) {
  const { url, port } = await serve(createApp({ secret: 'x' }), t);
  const visitors = [];

  for (const [name, browser] of logins) visitors.push(await logIn(url, name, browser));
  return { url, port, visitors };
}

async function logIn(url, name, browser) {
  const visitor = new Visitor(url, { headers: { 'user-agent': AGENTS[browser] } });

  assert.equal((await visitor.post('/login', { name, password })).status, 303);
  return visitor;
}

/** What a page says: its devices, and what it has to tell. */
async function devices(visitor) {
  const { status, body } = await visitor.get('/devices');

  assert.equal(status, 200);
  return read(body);
}

function read(body) {
  const [, ...items] = body.split('<li>');
  const list = items.map((item) => ({
    name: /<h2 [^>]*>([^<]*)</.exec(item)[1],
    text: /<p>(.*)<\/p>/.exec(item)[1].replace(/<[^>]*>/g, ''),
    isThis: item.includes('This device'),
    handle: /name="handle" value="([^"]*)"/.exec(item)?.[1],
  }));

  return { list, notice: /id="notice"[^>]*>([^<]*)</.exec(body)?.[1], error: /id="error"[^>]*>([^<]*)</.exec(body)?.[1] };
}

const isLoggedIn = async (visitor) => (await visitor.get('/')).body.includes('id="logout"');
const handleOf = async (visitor, name) => (await devices(visitor)).list.find((each) => each.name === name).handle;

const ADA = [['ada', 'Firefox on Windows'], ['ada', 'Safari on iPhone'], ['ada', 'Chrome on Android']];

test('lists the sessions of the user, with what each is and since when', async (t) => {
  const time = clock(t, Date.now());
  const { url, visitors: [first, grace] } = await open(t, ADA[0], ['grace', 'curl']);

  for (let i = 0; i < 15; i++) {
    time.tick(9 * MINUTE);
    await first.get('/');
  }
  const second = await logIn(url, 'ada', 'Safari on iPhone');

  time.tick(5 * MINUTE);
  assert.deepEqual((await devices(second)).list.map(({ handle, ...each }) => ({ ...each, canEnd: handle !== undefined })), [
    { name: 'Safari on iPhone', text: 'Logged in 5 minutes ago, in use now, from 127.0.0.1', isThis: true, canEnd: false },
    { name: 'Firefox on Windows', text: 'Logged in 2 hours ago, last used 5 minutes ago, from 127.0.0.1', isThis: false, canEnd: true },
  ]);
  assert.deepEqual((await devices(first)).list.map(({ isThis }) => isThis), [false, true]);
  // Nobody has used hers for too long.
  assert.equal((await devices(await logIn(url, 'grace', 'Edge on Windows'))).list.length, 1);
  assert.equal((await grace.get('/devices')).headers.location, '/login');
});

test('ends one session, says so once, and says if it was over already', async (t) => {
  const { visitors: [first, second, third] } = await open(t, ...ADA);
  const handle = await handleOf(first, 'Safari on iPhone');
  const end = () => first.post('/devices/end', { handle });

  const { status, headers } = await end();
  assert.deepEqual([status, headers.location], [303, '/devices']);
  assert.deepEqual(await Promise.all([first, second, third].map(isLoggedIn)), [true, false, true]);
  assert.equal((await second.post('/devices/end', { handle })).headers.location, '/login');

  const { notice, list } = await devices(first);
  assert.equal(notice, 'Safari on iPhone is logged out.');
  assert.deepEqual(list.map(({ name }) => name), ['Chrome on Android', 'Firefox on Windows']);
  assert.equal((await devices(first)).notice, undefined);

  await end();
  assert.equal((await devices(first)).notice, 'That device was logged out already.');
});

test('ends no session by a handle of somebody else, or by what is no handle', async (t) => {
  const { port, visitors: [ada, second, grace, other] } = await open(t, ...ADA.slice(0, 2), ['grace', 'curl'], ['grace', 'Edge on Windows']);
  const handle = await handleOf(grace, 'Edge on Windows');
  const own = await handleOf(ada, 'Safari on iPhone');
  const sid = decodeURIComponent(second.jar.get('connect.sid')).slice(2).split('.')[0];

  for (const body of [`handle=${handle}`, `handle=${own}&handle=${own}`, `handle=${sid}`, 'handle=', '']) {
    const { status } = await ada.ask('POST', '/devices/end', { body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.equal(status, 303, body);
    assert.equal((await devices(ada)).notice, 'That device was logged out already.', body);
  }
  assert.equal((await new Visitor(port).post('/devices/end', { handle })).headers.location, '/login');
  assert.deepEqual(await Promise.all([ada, second, grace, other].map(isLoggedIn)), [true, true, true, true]);
});

test('logs out whoever ends the session that he is in', async (t) => {
  const { visitors: [first, second] } = await open(t, ...ADA.slice(0, 2));
  const { headers, cookies } = await first.post('/devices/end', { handle: await handleOf(second, 'Firefox on Windows') });

  assert.equal(headers.location, '/');
  assert.match(cookies[0], /^connect\.sid=;/);
  assert.deepEqual(await Promise.all([first, second].map(isLoggedIn)), [false, true]);
});

test('ends all others after the password, and a copy of the own cookie', async (t) => {
  const { visitors: [first, second, third, grace], url } = await open(t, ...ADA, ['grace', 'curl']);
  const thief = new Visitor(url);
  await first.get('/');
  thief.jar.header = first.jar.header;

  for (const form of [undefined, { password: '' }, { password: 'Sesame' }]) {
    const { status, body } = await first.post('/devices/end-others', form);
    assert.equal(status, 401);
    assert.equal(read(body).error, 'The password is wrong: no device was logged out.');
    assert.equal(read(body).list.length, 3);
  }
  assert.deepEqual(await Promise.all([first, second, third].map(isLoggedIn)), [true, true, true]);

  const { status, headers } = await first.post('/devices/end-others', { password });
  assert.deepEqual([status, headers.location], [303, '/devices']);
  assert.equal((await devices(first)).notice, '2 other devices are logged out.');
  assert.deepEqual(await Promise.all([first, second, third, thief, grace].map(isLoggedIn)), [true, false, false, false, true]);
  assert.match((await first.get('/')).body, /id="views">4</);

  await first.post('/devices/end-others', { password });
  assert.equal((await devices(first)).notice, 'No other device was logged in.');
});

test('takes no form from another site, and each from its own', async (t) => {
  const { port, visitors: [first, second] } = await open(t, ...ADA.slice(0, 2));
  const host = `127.0.0.1:${port}`;
  const post = (headers) => first.ask('POST', '/devices/end-others', { form: { password }, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } });

  for (const headers of [
    { 'sec-fetch-site': 'cross-site', 'origin': `http://${host}` },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://example.org' },
    { origin: `http://127.0.0.1:${port + 1}` },
    { origin: 'null' },
  ]) {
    const { status, body } = await post(headers);
    assert.equal(status, 403, JSON.stringify(headers));
    assert.match(body, /This form comes from another site\./);
  }
  assert.equal(await isLoggedIn(second), true);
  for (const headers of [{ origin: `http://${host}` }, { 'sec-fetch-site': 'same-origin', 'origin': `http://${host}` }]) {
    assert.equal((await post(headers)).status, 303, JSON.stringify(headers));
  }
  assert.equal(await isLoggedIn(second), false);
  // A link from anywhere leads here.
  assert.equal((await first.get('/devices', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 200);
});
