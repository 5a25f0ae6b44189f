'use strict';

// Not in check: it needs a browser.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { createApp } = require('../../examples/app/app');
const { serve } = require('../../test-kit/app');
const { launch, skip } = require('../browser');
const { clock } = require('../clock');
const { start } = require('./child');

/** That of everybody in this demo. */
const password = 'sesame';
const MINUTE = 60 * 1000;

describe('the example app in a browser', { skip }, () => {
  let app;
  let browser;

  before(async () => {
    browser = await launch();
    app = await start();
  });

  after(async () => {
    await browser?.close();
    await app?.stop();
  });

  /** A browser window of its own, with no cookies. */
  async function open(t) {
    const context = await browser.newContext({ baseURL: app.url });
    t.after(() => context.close());

    const page = await context.newPage();
    const text = (selector) => page.locator(selector).innerText();
    const cookies = () => context.cookies(app.url);

    return { context, page, text, cookies };
  }

  it('counts views, and only those of the page', async (t) => {
    const { page, text } = await open(t);

    await page.goto('/');
    assert.equal(await text('#views'), '1');
    await page.reload();
    assert.equal(await text('#views'), '2');
    await page.click('a[href="/foo"]');
    assert.equal(await text('#views'), '1');
    await page.goto('/');
    assert.equal(await text('#views'), '3');
  });

  it('holds one session cookie that scripts do not see', async (t) => {
    const { page, cookies } = await open(t);

    await page.goto('/');
    const [cookie, ...others] = await cookies();

    assert.deepEqual(others, []);
    assert.equal(cookie.name, 'connect.sid');
    assert.match(cookie.value, /^s%3A[\w-]{32}\.[\w%]+$/);
    assert.equal(cookie.domain, '127.0.0.1');
    assert.equal(cookie.path, '/');
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.secure, false);
    assert.equal(cookie.sameSite, 'Lax');
    // Until the browser is closed.
    assert.equal(cookie.expires, -1);

    assert.equal(await page.evaluate(() => globalThis.document.cookie), '');
  });

  it('logs in and out', async (t) => {
    const { page, text, cookies } = await open(t);

    await page.goto('/');
    const [before] = await cookies();

    await page.click('#login');
    await page.fill('#name', 'grace');
    await page.fill('#password', 'wrong');
    await page.click('main button');
    assert.equal(await text('#error'), 'The name or the password is wrong.');

    assert.equal(await page.inputValue('#name'), 'grace');
    await page.fill('#password', password);
    await page.click('main button');
    await page.waitForSelector('#user');
    assert.equal(await text('#user'), 'Grace Hopper');
    assert.equal(new URL(page.url()).pathname, '/');
    assert.equal(await text('#views'), '2');

    const [during] = await cookies();
    assert.notEqual(during.value, before.value);

    await page.click('a[href="/session"]');
    assert.equal(JSON.parse(await text('#session')).user.name, 'grace');

    await page.click('#logout');
    await page.waitForSelector('#login');
    assert.equal(await text('#views'), '1');

    const [afterwards] = await cookies();
    assert.notEqual(afterwards.value, during.value);
  });

  it('starts a new session when the cookie was changed', async (t) => {
    const { context, page, text, cookies } = await open(t);

    await page.goto('/');
    await page.reload();
    assert.equal(await text('#views'), '2');

    const [cookie] = await cookies();
    const value = cookie.value.replace(/\.(.)/, (_, first) => (first === 'A' ? '.B' : '.A'));
    await context.addCookies([{ ...cookie, value }]);
    await page.reload();

    assert.equal(await text('#views'), '1');

    const [fresh] = await cookies();
    assert.notEqual(fresh.value, value);
    assert.notEqual(fresh.value, cookie.value);
  });
});

describe('the devices of a user, in three browsers', { skip }, () => {
  const AGENTS = {
    'Firefox on Windows': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Safari on iPhone': 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Chrome on Linux': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  };
  let browser;

  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  /** The app under a clock, and a page of each browser, in which the same user has logged in. */
  async function open(t) {
    const time = clock(t, Date.now());
    const { url } = await serve(createApp({ secret: 'x' }), t);

    /** Without JavaScript, as the app needs none. */
    async function logIn(name) {
      const context = await browser.newContext({ baseURL: url, userAgent: AGENTS[name], javaScriptEnabled: false, viewport: { width: 900, height: 640 } });
      t.after(() => context.close());
      const page = await context.newPage();

      await page.goto('/login');
      await page.fill('#name', 'ada');
      await page.fill('#password', password);
      await page.click('main button');
      await page.waitForSelector('#user');
      return page;
    }

    const pages = [];
    for (const [name, minutes] of [['Firefox on Windows', 130], ['Safari on iPhone', 8], ['Chrome on Linux', 3]]) {
      pages.push(await logIn(name));
      for (let passed = 0; passed < minutes; passed += 10) {
        await pages[0].request.get('/');
        time.tick(Math.min(10, minutes - passed) * MINUTE);
      }
    }
    return { time, url, pages };
  }

  const items = (page) => page.locator('.devices li').evaluateAll((all) => all.map((item) => item.innerText.split('\n').filter(Boolean).join(' | ')));
  const focused = (page) => page.locator(':focus').getAttribute('id');

  it('lists three, logs out one at its next click, then the others after the password', async (t) => {
    const { pages: [first, phone, third] } = await open(t);

    await third.click('a[href="/devices"]');
    assert.deepEqual(await items(third), [
      'Chrome on Linux | Logged in 3 minutes ago, in use now, from 127.0.0.1 | This device',
      'Safari on iPhone | Logged in 11 minutes ago, last used 11 minutes ago, from 127.0.0.1 | Log out',
      'Firefox on Windows | Logged in 2 hours ago, last used 3 minutes ago, from 127.0.0.1 | Log out',
    ]);
    // The picture in docs/first-steps.md is the upper part of this one.
    if (process.env.SCREENSHOT) await third.screenshot({ path: process.env.SCREENSHOT });

    await phone.goto('/devices');
    await third.getByRole('button', { name: 'Log out Safari on iPhone' }).click();
    await third.waitForSelector('#notice');
    assert.equal(await third.innerText('#notice'), 'Safari on iPhone is logged out.');
    assert.equal(await focused(third), 'notice');
    assert.equal((await items(third)).length, 2);
    await phone.click('a[href="/foo"]');
    await phone.waitForSelector('#login');
    assert.equal(await phone.locator('#user').count(), 0);

    await third.fill('#password', 'wrong');
    await third.keyboard.press('Enter');
    await third.waitForSelector('#error');
    assert.equal(await focused(third), 'password');
    assert.equal(await third.getAttribute('#password', 'aria-describedby'), 'error');
    await first.goto('/devices');
    assert.match((await items(first))[1], /^Firefox on Windows .* This device$/);

    await third.fill('#password', password);
    await third.keyboard.press('Enter');
    await third.waitForSelector('#alone');
    assert.equal(await third.innerText('#notice'), '1 other device is logged out.');
    assert.match((await items(third)).join(), /^Chrome on Linux .* This device$/);
    await first.getByRole('button', { name: 'Log out Chrome on Linux' }).click();
    await first.waitForSelector('#login');
    await third.goto('/');
    assert.equal(await third.innerText('#user'), 'Ada Lovelace');
  });

  it('fits a narrow screen', async (t) => {
    const { pages: [, , page] } = await open(t);

    await page.setViewportSize({ width: 320, height: 640 });
    await page.goto('/devices');
    const boxes = await page.locator('body *:visible').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().right));
    assert.ok(Math.max(...boxes) <= 320, String(Math.max(...boxes)));
  });

  it('takes no form from a page at another port of its host, to which the cookie is sent', async (t) => {
    const { url, pages: [page] } = await open(t);
    const { url: other } = await serve((req, res) => {
      res.setHeader('content-type', 'text/html');
      res.end(`<form method="post" action="${url}devices/end-others"><input name="password" value="${password}"><button>Win</button></form>`);
    }, t);

    await page.goto(other);
    await page.click('button');
    await page.waitForSelector('#user');
    assert.match(await page.innerText('main'), /This form comes from another site\./);
    await page.goto('/devices');
    assert.equal((await items(page)).length, 3);
  });
});
