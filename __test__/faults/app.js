'use strict';

/**
 * One process of the app that the faults happen to. What it answers is the whole
 * session, so that a client sees whose it is. The variables:
 *
 * SUBJECT        express-session: runs on the original, to compare
 * SECRET         signs the cookies
 * REDIS_URL
 * PORT           to listen on
 * NUMBER         of this process, for its answers
 * OFFLINE_QUEUE  off: commands fail at once while there is no connection to Redis
 * STORE_TIMEOUT  the option storeTimeout of session(), in ms
 * SLOW           how long a write takes between loading a session and saving it, in ms
 * PLANT          a defect to plant: see plants.js
 */
if (process.env.SUBJECT !== 'express-session') require('../../examples/redis/alias');

const http = require('node:http');
const session = require('express-session');
const { RedisStore } = require('connect-redis');
const { createClient } = require('redis');

const plants = require('./plants');
const kit = require('../../test-kit/app');
const { HOST } = require('../../test-kit/port');

const { SECRET, REDIS_URL, PORT, NUMBER, OFFLINE_QUEUE, STORE_TIMEOUT, SLOW, PLANT } = process.env;

/** nginx keeps connections for a minute: this end must not be the first to close one, in ms. */
const KEEP_ALIVE = 75000;

async function main() {
  const plant = PLANT ? plants[PLANT] : {};
  const client = createClient({ url: REDIS_URL, disableOfflineQueue: OFFLINE_QUEUE === 'off', ...plant.client });

  // Expected of each fault. Without a listener, it would end the process.
  client.on('error', () => {});
  await client.connect();

  const store = new RedisStore({ client });

  plant.store?.(store);

  const server = http.createServer(createApp(store, plant));

  server.keepAliveTimeout = KEEP_ALIVE;
  server.listen(Number(PORT), HOST, () => process.send({ isListening: true }));
}

function createApp(store, { savesLate = false, session: planted }) {
  const middleware = session({
    store,
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    ...planted,
    ...(STORE_TIMEOUT && { storeTimeout: Number(STORE_TIMEOUT) }),
  });
  const routes = {
    'POST /login': (req, res, next) => {
      req.session.regenerate((error) => {
        if (error) return next(error);
        Object.assign(req.session, { owner: req.query.owner, secret: req.query.secret, value: 0, count: 0 });
        saveAndShow(req, res, next);
      });
    },
    'POST /write': (req, res, next) => {
      if (!req.session?.owner) return show(req, res);
      if (SLOW) setTimeout(write, Number(SLOW), req, res, next);
      else write(req, res, next);
    },
    'GET /read': show,
    'POST /logout': (req, res, next) => {
      req.session.destroy((error) => {
        if (error) return next(error);
        res.json({ number: NUMBER });
      });
    },
  };

  return kit.createApp({ layers: [middleware], routes, fail: showError });

  function write(req, res, next) {
    req.session.value = Number(req.query.value);
    req.session.count++;
    saveAndShow(req, res, next);
  }

  /** The answer is a promise that what it shows is stored: so that comes first. */
  function saveAndShow(req, res, next) {
    if (savesLate) return show(req, res);
    req.session.save((error) => (error ? next(error) : show(req, res)));
  }
}

function showError(error, req, res, next) {
  // The save at the end has failed, and the answer is complete. Express would close
  // the connection, which nginx takes for a sign that the whole process is ill.
  if (res.writableEnded) return;
  if (res.headersSent) return next(error);
  // A new session that could not be saved is saved once more at the end of this answer.
  // If that fails again, Express closes the connection without asking here. Without a
  // session nothing is saved, and what is stored stays (`unset: 'keep'`).
  req.session = null;
  res.status(500).json({ error: error.message, number: NUMBER });
}

/** Without an owner nobody is logged in. There is no session at all after `disconnect` of a store. */
function show(req, res) {
  const { owner, secret, value, count } = req.session ?? {};

  res.status(owner ? 200 : 401).json({ owner, secret, value, count, number: NUMBER });
}

// Whoever started it is gone.
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());

main();
