'use strict';

// Not in check: it needs a browser.

const assert = require('node:assert/strict');
const { after, before, describe, it } = require('node:test');

const { launch, skip } = require('../browser');
const { start } = require('./child');

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
    await page.fill('#name', 'nobody');
    await page.click('main button');
    assert.match(await text('#error'), /no user named “nobody”/);

    await page.fill('#name', 'grace');
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
