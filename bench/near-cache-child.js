'use strict';

// The process that near-cache.js asks. To `serve` it makes a session, requests it over and over
// until its cache has it, and tells the sid; when the session is gone it tells when it served it last, in
// ms of the machine's clock.

const { Lane, drive } = require('./lane');
const connect = require('./redis-client');
const { open } = require('./subjects');
const { cookieOf } = require('../test-kit/jar');

/** Requests by which a session is in the cache. */
const ENOUGH = 50;

const HOUR = 3600000;

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main({ subject, redis, lanes }) {
  const { middleware } = open(subject, { maxAge: HOUR, redis: await connect(redis, subject.isCached) });
  const connections = Array.from({ length: lanes }, () => new Lane());
  const appOf = (handle) => (req, res) => middleware(req, res, (error) => {
    if (error) throw error;
    handle(req.session);
    res.end();
  });

  process.on('message', async () => {
    let cookie;
    await drive([new Lane()], 1, () => [], appOf((session) => { session.user = 'ada'; }), (res) => { cookie = cookieOf(res.getHeader('set-cookie')); });
    const sid = /s%3A([^.]+)/.exec(cookie)[1];
    let served = 0;
    let last;
    let isGone = false;
    const app = appOf(({ user }) => {
      if (user === undefined) isGone = true;
      else last = Number(process.hrtime.bigint()) / 1e6;
      if (user !== undefined && ++served === ENOUGH) process.send(sid);
    });
    while (!isGone) {
      await drive(connections, lanes, () => ['Cookie', cookie], app);
      // Requests come from the network, in turns of the event loop.
      await new Promise(setImmediate);
    }
    process.send(last);
  });
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}
