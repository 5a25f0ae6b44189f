'use strict';

/**
 * The app of SECURITY.md, requirement by requirement of OWASP ASVS 5.0.0. It runs as it stands
 * there, over TLS. Each check must fail once what meets the requirement is taken out of the app.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { test } = require('node:test');
const vm = require('node:vm');
const signature = require('cookie-signature');
const { clock } = require('../clock');
const { session } = require('../subject');
const { attributesOf } = require('./cookies');
const { serve } = require('../../test-kit/app');
const { certificate } = require('../../test-kit/certificate');
const { Visitor } = require('../../test-kit/client');
const { cookieOf } = require('../../test-kit/jar');

const text = fs.readFileSync(path.join(__dirname, '..', '..', 'SECURITY.md'), 'utf8');
const code = Array.from(text.matchAll(/^```js\n([^]*?)^```$/gm), ([, block]) => block).join('\n');

const NAME = '__Host-sid';
const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;

/** Adds an option to those of the middleware. */
const adds = (option) => ['  store,\n', `  store,\n  ${option},\n`];

/** Takes a text out of the app. */
const lacks = (part) => [part, ''];

/** The store without the options by which it knows whose its sessions are. */
const knowsNoUsers = [
  lacks('  user: (data) => data.user,\n'),
  lacks('  describe: (req) => ({ ip: req.ip, userAgent: req.get(\'user-agent\') }),\n'),
  lacks('  maxSessions: 10,\n'),
];

const tls = certificate();

/**
 * Starts the app, which is changed before.
 *
 * @param {import('node:test').TestContext} t
 * @param {string[][]} changes a text of the document, and the one that takes its place
 */
async function start(t, changes) {
  let source = code;
  for (const [from, to] of changes) {
    assert.equal(source.split(from).length, 2, `the document has not once: ${from}`);
    source = source.replace(from, () => to);
  }
  const users = new Map(['ann', 'bob'].map((id) => [id, { id }]));
  const names = ['app', 'store', 'logIn', 'endOtherSessions', 'endAllSessions', 'needsPassword'];
  const known = (name) => (name === 'express-session-rs' ? session : require(name));
  const document = vm.runInThisContext(`(require, process, users) => { ${source}\nreturn { ${names} }; }`, 'SECURITY.md')(
    known, { env: { SECRETS: 'new,old,' } }, users,
  );

  const { app, store, logIn, endOtherSessions, endAllSessions, needsPassword } = document;
  app.post('/login/:id', (req, res, next) => {
    logIn(req, users.get(req.params.id), (error) => (error ? next(error) : res.send('welcome')));
  });
  app.get('/', (req, res) => res.send(req.user ? req.user.id : 'nobody'));
  app.post('/others', async (req, res) => {
    await endOtherSessions(req);
    res.send('done');
  });
  app.post('/disable/:id', async (req, res) => {
    users.get(req.params.id).isDisabled = true;
    await endAllSessions(users.get(req.params.id));
    res.send('done');
  });
  app.post('/end/:id', async (req, res) => {
    await endAllSessions(users.get(req.params.id));
    res.send('done');
  });
  app.get('/sensitive', needsPassword, (req, res) => res.send('sensitive'));
  const { port } = await serve(https.createServer(tls, app), t);

  /** Who the app says that a browser's user is. */
  const who = async (visitor) => (await visitor.get('/')).body;
  return {
    ...document, users, who,
    browser: () => new Visitor(port, { ca: tls.cert }),
    /** A browser whose user has logged in. */
    async loggedIn(id = 'ann') {
      const visitor = this.browser();
      assert.equal((await visitor.post(`/login/${id}`)).status, 200);
      assert.equal(await who(visitor), id, 'the browser has logged in');
      return visitor;
    },
    /** A browser with the cookies that another one has now. */
    thiefOf(visitor) {
      const thief = this.browser();
      thief.jar.header = visitor.jar.header;
      return thief;
    },
    /** Lets a method of the store fail. */
    refuse: (method) => t.mock.method(store, method, (...args) => { setImmediate(args.at(-1), new Error('down')); }),
  };
}

/** The id of a session in what a browser's cookie says. */
const sidOf = ({ jar }) => decodeURIComponent(Array.from(jar.values())[0]).slice('s:'.length).split('.')[0];

/**
 * By number: what is asked, what is changed in the app so that it is not met, one after the other,
 * and the check.
 * @type {Record<string, { asks: string, without: string[][][], check: (site: any, time: ReturnType<typeof clock>, t: any) => Promise<void> }>}
 */
const requirements = {
  '7.1.2': {
    asks: 'a user has no more sessions than the app says',
    without: [[lacks('  maxSessions: 10,\n')]],
    async check(site, time) {
      const browsers = [];
      for (let i = 0; i < 11; i++) {
        browsers.push(await site.loggedIn());
        time.tick(1000);
      }
      const bob = await site.loggedIn('bob');
      const all = await Promise.all(browsers.map((each) => site.who(each)));
      assert.deepEqual(all, ['nobody', ...Array(10).fill('ann')]);
      assert.equal(await site.who(bob), 'bob');
    },
  },
  '7.2.1': {
    asks: 'the server verifies session tokens',
    without: [[lacks('.filter(Boolean)')], [['secret: process.env.SECRETS.split(\',\').filter(Boolean)', 'secret: \'of the attacker\'']]],
    async check(site) {
      const sid = sidOf(await site.loggedIn());
      const signed = (id, secret) => `${NAME}=s%3A${encodeURIComponent(signature.sign(id, secret))}`;
      const forged = [`${NAME}=${sid}`, signed(sid, 'of the attacker'), signed(sid, ''), signed('unknown-to-the-store-0123456789', 'new')];
      for (const cookie of forged) {
        const thief = site.browser();
        thief.jar.header = cookie;
        assert.equal(await site.who(thief), 'nobody', cookie);
      }
    },
  },
  '7.2.2': {
    asks: 'a token is made for each session',
    without: [[adds('genid: () => \'a-static-key\'')]],
    async check(site) {
      assert.notEqual(sidOf(await site.loggedIn('ann')), sidOf(await site.loggedIn('bob')));
    },
  },
  '7.2.3': {
    asks: 'tokens are unique and have 128 bits of entropy',
    without: [[adds('genid: () => require(\'node:crypto\').randomUUID().slice(0, 8)')], [adds('genid: () => require(\'node:crypto\').randomUUID().slice(0, 8).repeat(4)')]],
    async check(site) {
      const ids = [];
      for (let i = 0; i < 64; i++) {
        const visitor = site.browser();
        await visitor.post('/login/ann');
        ids.push(Buffer.from(sidOf(visitor), 'base64url').toString('hex'));
      }
      assert.equal(new Set(ids).size, ids.length);
      const bits = ids.map((id) => BigInt(`0x${id}`).toString(2).padStart(id.length * 4, '0'));
      // A bit that is always the same, or the same as another one, is not of the generator.
      const columns = Array.from(bits[0], (_, i) => bits.map((each) => each[i]).join(''));
      const random = new Set(columns.filter((column) => new Set(column).size > 1));
      assert.ok(random.size >= 128, `${random.size} bits`);
    },
  },
  '7.2.4': {
    asks: 'a new token at each authentication, and the old one ends',
    without: [[['req.session.regenerate((error)', '((done) => done())((error)']]],
    async check(site) {
      const ann = await site.loggedIn();
      const thief = site.thiefOf(ann);
      await ann.post('/login/ann');
      assert.notEqual(ann.jar.header, thief.jar.header);
      assert.equal(await site.who(ann), 'ann');
      assert.equal(await site.who(thief), 'nobody');
    },
  },
  '7.3.1': {
    asks: 'a session ends after inactivity',
    without: [[lacks('  idleTimeout: 15 * MINUTE,\n')]],
    async check(site, time) {
      const ann = await site.loggedIn();
      for (let i = 0; i < 3; i++) {
        time.tick(14 * MINUTE);
        assert.equal(await site.who(ann), 'ann');
      }
      time.tick(15 * MINUTE);
      assert.equal(await site.who(ann), 'nobody');
      assert.equal(site.store.stats().sessions, 0, 'the store has it no longer');
    },
  },
  '7.3.2': {
    asks: 'a session has a longest lifetime, however much it is used',
    without: [[lacks('  absoluteTimeout: 12 * 60 * MINUTE,\n')]],
    async check(site, time) {
      const ann = await site.loggedIn();
      for (let at = 10 * MINUTE; at < 12 * HOUR; at += 10 * MINUTE) {
        time.tick(10 * MINUTE);
        assert.equal(await site.who(ann), 'ann', `after ${at / MINUTE} minutes`);
      }
      time.tick(10 * MINUTE);
      assert.equal(await site.who(ann), 'nobody');
    },
  },
  // No requirement of the standard, but of the OWASP Session Management Cheat Sheet: "Renewal Timeout".
  'renewal': {
    asks: 'a session that is used gets a new token now and then, and the old one ends',
    without: [[lacks('  renewAfter: 60 * MINUTE,\n')]],
    async check(site, time) {
      const ann = await site.loggedIn();
      const thief = site.thiefOf(ann);
      for (let i = 0; i < 6; i++) {
        time.tick(10 * MINUTE);
        assert.equal(await site.who(ann), 'ann');
      }
      assert.notEqual(ann.jar.header, thief.jar.header);
      time.tick(MINUTE);
      assert.equal(await site.who(thief), 'nobody');
      assert.equal(await site.who(ann), 'ann');
    },
  },
  '7.4.1': {
    asks: 'a logout ends the session, and the back button does not show it',
    without: [
      [['req.session.destroy((error)', '((done) => done())((error)']],
      [lacks('  clearCookie: true,\n')],
      [lacks('  cacheControl: \'no-store\',\n')],
    ],
    async check(site) {
      const ann = await site.loggedIn();
      const { headers } = await ann.get('/');
      assert.equal(headers['cache-control'], 'no-store');
      const thief = site.thiefOf(ann);
      assert.equal((await ann.post('/logout')).status, 302);
      assert.equal(await site.who(thief), 'nobody');
      assert.equal(site.store.stats().sessions, 0);
      assert.equal(ann.jar.header, '', 'the browser has no cookie any more');
    },
  },
  '7.4.2': {
    asks: 'all sessions of a disabled or deleted user end, also one of a login that was under way',
    without: [knowsNoUsers, [['store.endAll(user.id)', '0']], [lacks(' || user.isDisabled')], [['!user ||', '!(user ?? true) ||']]],
    async check(site) {
      const [ann, ...browsers] = [await site.loggedIn('ann'), await site.loggedIn('bob'), await site.loggedIn('bob')];
      assert.equal((await ann.post('/disable/bob')).status, 200);
      assert.equal(site.store.stats().sessions, 1, 'the store has them no longer');
      for (const each of browsers) assert.equal(await site.who(each), 'nobody');
      await browsers[0].post('/login/bob');
      assert.equal(await site.who(browsers[0]), 'nobody');
      site.users.get('bob').isDisabled = false;
      const bob = await site.loggedIn('bob');
      site.users.delete('bob');
      assert.equal((await bob.get('/')).body, 'nobody');
      assert.equal(await site.who(ann), 'ann');
    },
  },
  '7.4.3': {
    asks: 'a user can end all other sessions',
    without: [knowsNoUsers, [['req.sessionStore.endAll(req.user.id, { except: req.session })', '0']], [lacks(', { except: req.session }')]],
    async check(site) {
      const [here, there, bob] = [await site.loggedIn(), await site.loggedIn(), await site.loggedIn('bob')];
      assert.equal((await here.post('/others')).status, 200);
      assert.deepEqual([await site.who(here), await site.who(there), await site.who(bob)], ['ann', 'nobody', 'bob']);
    },
  },
  '7.4.5': {
    asks: 'administrators can end the sessions of a user, and of all',
    without: [knowsNoUsers, [['store.endAll(user.id)', '0']]],
    async check(site) {
      const [ann, other, bob] = [await site.loggedIn('ann'), await site.loggedIn('ann'), await site.loggedIn('bob')];
      assert.equal((await bob.post('/end/ann')).status, 200);
      assert.deepEqual([await site.who(ann), await site.who(other), await site.who(bob)], ['nobody', 'nobody', 'bob']);
      await new Promise((resolve) => { site.store.clear(resolve); });
      assert.equal(await site.who(bob), 'nobody');
    },
  },
  '7.5.1': {
    asks: 'the password is asked for again before sensitive changes',
    without: [[lacks(' && Date.now() - req.session.confirmedAt < 5 * MINUTE')]],
    async check(site, time) {
      assert.equal((await site.browser().get('/sensitive')).status, 401);
      const ann = await site.loggedIn();
      assert.equal((await ann.get('/sensitive')).body, 'sensitive');
      time.tick(5 * MINUTE);
      assert.equal((await ann.get('/sensitive')).status, 401);
      await ann.post('/login/ann');
      assert.equal((await ann.get('/sensitive')).body, 'sensitive');
    },
  },
  '7.5.2': {
    asks: 'users see their sessions and can end each, having entered the password again',
    without: [
      knowsNoUsers,
      [lacks('  await req.sessionStore.end(req.user.id, req.params.handle);\n')],
      [['end(req.user.id, req.params.handle)', 'endAll(req.user.id)']],
      [lacks(', { current: req.session }')],
      [lacks('  describe: (req) => ({ ip: req.ip, userAgent: req.get(\'user-agent\') }),\n')],
      [['app.get(\'/devices\', needsPassword', 'app.get(\'/devices\'']],
      [['app.post(\'/devices/:handle/end\', needsPassword', 'app.post(\'/devices/:handle/end\'']],
    ],
    async check(site, time) {
      const [here, there, third, bob] = [await site.loggedIn(), await site.loggedIn(), await site.loggedIn(), await site.loggedIn('bob')];
      const who = async () => [await site.who(here), await site.who(there), await site.who(third), await site.who(bob)];
      const devices = async (browser) => {
        const { status, body } = await browser.get('/devices', { headers: { 'user-agent': 'Firefox' } });
        assert.equal(status, 200);
        for (const each of [here, there, third, bob]) assert.ok(!body.includes(sidOf(each)), 'the page tells no id');
        return JSON.parse(body);
      };
      const list = await devices(here);
      assert.deepEqual(list.map(({ current }) => current).sort(), [false, false, true]);
      for (const { ip } of list) assert.equal(ip, '127.0.0.1');
      const [mine] = list.filter(({ current }) => current);
      const [theirs] = await devices(bob);
      // Neither a session of somebody else, nor what is no handle.
      for (const handle of [theirs.handle, sidOf(bob), sidOf(there)]) await here.post(`/devices/${handle}/end`);
      assert.deepEqual(await who(), ['ann', 'ann', 'ann', 'bob']);
      const [{ handle }] = (await devices(there)).filter(({ current }) => current);
      assert.notEqual(handle, mine.handle);
      time.tick(5 * MINUTE);
      assert.equal((await here.get('/devices')).status, 401);
      await here.post(`/devices/${handle}/end`);
      assert.deepEqual(await who(), ['ann', 'ann', 'ann', 'bob']);
      await here.post('/login/ann');
      await here.post(`/devices/${handle}/end`);
      assert.deepEqual(await who(), ['ann', 'nobody', 'ann', 'bob']);
    },
  },
  '7.6.2': {
    asks: 'no session without an action of the user',
    without: [[['saveUninitialized: false', 'saveUninitialized: true']]],
    async check(site) {
      const visitor = site.browser();
      assert.equal(await site.who(visitor), 'nobody');
      assert.equal(visitor.jar.header, '');
      assert.equal(site.store.stats().sessions, 0);
    },
  },
  '3.3.1': {
    asks: 'the cookie is Secure, and its name has the prefix __Host- or __Secure-',
    without: [[lacks('  strictCookies: true,\n'), lacks('secure: true, ')], [lacks('  name: \'__Host-sid\',\n')]],
    async check(site) {
      const { jar: { last } } = await site.loggedIn();
      assert.ok(attributesOf(last).includes('Secure'), last);
      assert.match(last, /^__(Host|Secure)-/);
    },
  },
  '3.3.2': {
    asks: 'the cookie says SameSite',
    without: [[lacks('sameSite: \'lax\', ')]],
    async check(site) {
      const { jar: { last } } = await site.loggedIn();
      assert.ok(attributesOf(last).includes('SameSite=Lax'), last);
    },
  },
  '3.3.3': {
    asks: 'the name of the cookie has the prefix __Host-, and the cookie what browsers ask for with it',
    without: [[lacks('  name: \'__Host-sid\',\n')], [lacks('  strictCookies: true,\n'), ['secure: true, ', 'secure: true, domain: \'example.com\', ']]],
    async check(site) {
      const { jar: { last } } = await site.loggedIn();
      assert.match(last, /^__Host-/);
      const attributes = attributesOf(last);
      assert.ok(attributes.includes('Secure') && attributes.includes('Path=/'), last);
      assert.ok(!attributes.some((each) => each.startsWith('Domain')), last);
    },
  },
  '3.3.4': {
    asks: 'the cookie is HttpOnly, and its value is sent in Set-Cookie only',
    without: [[['secure: true, ', 'secure: true, httpOnly: false, ']], [['res.redirect(\'/\')', 'res.redirect(\'/?sid=\' + req.sessionID)']]],
    async check(site) {
      const ann = site.browser();
      const answers = [await ann.post('/login/ann')];
      const sid = sidOf(ann);
      assert.ok(attributesOf(ann.jar.last).includes('HttpOnly'), ann.jar.last);
      answers.push(await ann.get('/'), await ann.post('/logout'));
      for (const { headers, body } of answers) {
        assert.ok(!JSON.stringify([{ ...headers, 'set-cookie': undefined }, body]).includes(sid));
      }
    },
  },
  '3.3.5': {
    asks: 'name and value of the cookie have 4,096 bytes at most',
    without: [[adds('genid: () => \'a\'.repeat(4096)')]],
    async check(site) {
      const ann = site.browser();
      await ann.post('/login/ann');
      assert.ok(cookieOf(ann.jar.last).length - '='.length <= 4096);
    },
  },
  '13.3.4': {
    asks: 'secrets are rotated: the old one still verifies, and the new one signs',
    without: [[lacks('.split(\',\').filter(Boolean)')]],
    async check(site) {
      const ann = await site.loggedIn();
      const sid = sidOf(ann);
      assert.equal(cookieOf(ann.jar.last), `${NAME}=s%3A${encodeURIComponent(signature.sign(sid, 'new'))}`);
      ann.jar.header = `${NAME}=s%3A${encodeURIComponent(signature.sign(sid, 'old'))}`;
      assert.equal(await site.who(ann), 'ann');
    },
  },
  '14.2.2': {
    asks: 'no cache between stores what is sensitive',
    without: [[lacks('  cacheControl: \'no-store\',\n')]],
    async check(site) {
      const { headers } = await (await site.loggedIn()).get('/');
      assert.deepEqual([headers['cache-control'], headers.vary], ['no-store', 'Cookie']);
    },
  },
  '14.3.2': {
    asks: 'no browser stores what is sensitive',
    without: [[lacks('  cacheControl: \'no-store\',\n')]],
    async check(site) {
      const ann = site.browser();
      const answers = [await ann.post('/login/ann'), await ann.get('/'), await ann.get('/sensitive'), await ann.get('/nothing')];
      for (const { headers } of answers) assert.equal(headers['cache-control'], 'no-store');
    },
  },
  '16.5.3': {
    asks: 'what the store refuses is no success',
    without: [[lacks('  commit: \'headers\',\n')]],
    async check(site) {
      const ann = site.browser();
      const set = site.refuse('set');
      const login = await ann.post('/login/ann');
      assert.deepEqual([login.status, login.cookies], [500, []]);
      set.mock.restore();
      await ann.post('/login/ann');
      const destroy = site.refuse('destroy');
      const logout = await ann.post('/logout');
      assert.deepEqual([logout.status, logout.cookies], [500, []]);
      destroy.mock.restore();
      assert.equal(await site.who(ann), 'ann', 'the visitor can try again');
      assert.equal((await ann.post('/logout')).status, 302);
    },
  },
};

for (const [number, { asks, without, check }] of Object.entries(requirements)) {
  test(`${number}: ${asks}`, async (t) => {
    // A warning of a cookie that browsers refuse is meant for people, and so is what Express's error page says.
    t.mock.method(process, 'emitWarning', () => {});
    t.mock.method(console, 'error', () => {});
    const time = clock(t, Date.now());
    await check(await start(t, []), time, t);
    for (const changes of without) {
      const site = await start(t, changes);
      await assert.rejects(check(site, time, t), assert.AssertionError, `it is met although the app has ${JSON.stringify(changes)}`);
    }
  });
}

test('SECURITY.md has a row for each of these requirements', () => {
  const rows = Array.from(text.matchAll(/^\| ([\d., to]+) \|/gm), ([, numbers]) => numbers.split(', ')).flat();
  const missing = Object.keys(requirements).filter((number) => number !== 'renewal' && !rows.includes(number));
  assert.deepEqual(missing, []);
});
