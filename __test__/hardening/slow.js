'use strict';

const { read, write } = require('../compat/app');

/** What another request does meanwhile. */
const logouts = {
  destroy: (req, res) => { req.session.destroy(() => { res.end(); }); },
  regenerate: (req, res) => { req.session.regenerate(() => { res.end(); }); },
  unset: (req, res) => {
    req.session = null;
    res.end();
  },
};

/**
 * What the slow request does to its session in the end. With the original, what is not
 * a save brings nothing back either.
 */
const slowUses = {
  'writes to the session': { options: {}, use: (req) => { req.session.n = 5; }, isFlaw: true },
  'adds a key that JSON keeps in another form': { options: {}, use: (req) => { req.session.at = new Date(0); }, isFlaw: true },
  'replaces the data, with an expiry': {
    options: { cookie: { maxAge: 60000 } }, use: (req) => { req.session.list = [{ deep: req.session.n }]; }, isFlaw: true,
  },
  'changes the cookie and the data': {
    options: {},
    use(req) {
      req.session.cookie.maxAge = 5000;
      req.session.n = 6;
    },
    isFlaw: true,
  },
  'resaves it': { options: { resave: true }, use: (req) => String(req.session.n), isFlaw: true },
  'reads it': { options: {}, use: (req) => String(req.session.n) },
  'does not look at it': { options: {}, use() {} },
  'does not look at it, rolling': { options: { rolling: true, cookie: { maxAge: 60000 } }, use() {} },
};
for (const each of Object.values(slowUses)) each.options.unset = 'destroy';

/**
 * Holds a request open while another one, of the same browser, logs out.
 *
 * @param {object} app of `open`
 * @param {(req: object, res: object) => void} logout
 * @param {(req: object) => any} use of the session, after that
 * @returns {Promise<string>} what the browser's session holds then
 */
async function slowRequest(app, logout, use) {
  await app.visit(write, { cookie: false });
  const cookie = app.jar.header;
  let arrive;
  let release;
  const arrived = new Promise((resolve) => { arrive = resolve; });
  const released = new Promise((resolve) => { release = resolve; });
  const slow = app.visit(async (req, res) => {
    arrive();
    await released;
    await use(req);
    res.end();
  }, { cookie });
  await arrived;
  await app.visit(logout, { cookie });
  release();
  await slow;
  return (await app.visit(read, { cookie })).body;
}

module.exports = { logouts, slowUses, slowRequest };
