'use strict';

const kit = require('../test-kit/app');

/** How long a session lives unless a check says otherwise, in ms. */
const LIFE_MS = 60000;

/** What the check `unicode and nested data` stores. */
const NESTED = {
  text: 'Grüße, 世界, 👋, "quoted" \\ \u2028 </script>',
  deep: { list: [1, [2, { three: null }], -0.5, 1e21], empty: {}, none: [], yes: true },
  'key with spaces': 'и ещё',
};

/** Longer than all checks of a store. */
const TIMES = { idleTimeout: 3_600_000, absoluteTimeout: 36_000_000 };

/**
 * The Express app that every store serves.
 *
 * @param {Function} session the middleware under test
 * @param {object} store
 * @param {boolean} [hasTimes] whether sessions have an idle and an absolute end
 */
function createApp(session, store, hasTimes = false) {
  const middleware = session({
    name: 'sid',
    secret: 'the suite',
    store,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: LIFE_MS },
    ...hasTimes && TIMES,
  });
  return kit.createApp({ layers: [middleware], routes: routes(session), fail: showError });
}

const routes = (session) => ({
  'GET /count': (req, res) => {
    if (!req.session) return res.json({ none: true });
    if (req.query.life) req.session.cookie.maxAge = Number(req.query.life);
    if (req.query.tag) req.session.tag = req.query.tag;
    req.session.count = (req.session.count ?? 0) + 1;
    res.json({ count: req.session.count });
  },

  'GET /look': (req, res) => {
    if (!req.session) return res.json({ none: true });
    const { cookie, ...data } = req.session;
    delete data._meta;
    res.json({
      data,
      cookie: {
        revived: cookie instanceof session.Cookie,
        expires: Object.prototype.toString.call(cookie.expires),
        originalMaxAge: cookie.originalMaxAge,
        httpOnly: cookie.httpOnly,
        path: cookie.path,
      },
    });
  },

  'GET /save': (req, res, next) => {
    req.session.saved = true;
    req.session.save((error) => {
      if (error) return next(error);
      res.json({ saved: true });
    });
  },

  'GET /reload': (req, res, next) => {
    req.session.scratch = true;
    req.session.reload((error) => {
      if (error) return next(error);
      res.json({ scratch: req.session.scratch ?? null, count: req.session.count });
    });
  },

  'GET /regenerate': (req, res, next) => {
    const before = req.sessionID;
    req.session.regenerate((error) => {
      if (error) return next(error);
      req.session.fresh = true;
      res.json({ another: req.sessionID !== before, count: req.session.count ?? null });
    });
  },

  'GET /destroy': (req, res, next) => {
    req.session.destroy((error) => {
      if (error) return next(error);
      res.json({ gone: req.session === undefined });
    });
  },

  'GET /meta': (req, res) => {
    res.json({ meta: req.session._meta ?? null });
  },

  'GET /nested': (req, res) => {
    req.session.nested = NESTED;
    res.json({ stored: true });
  },
});

function showError(error, _req, res, next) {
  if (res.headersSent) return next(error);
  res.status(500).json({ error: error.message, code: error.code ?? null });
}

module.exports = { createApp, LIFE_MS, NESTED };
