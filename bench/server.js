'use strict';

// A loopback server for one subject. It tells its port and a session cookie, and
// then, for each message, the CPU time it has used so far.

const http = require('node:http');
const { HANDLERS } = require('./scenarios');
const connect = require('./redis-client');
const { open } = require('./subjects');
const sample = require('./sample');
const { serve } = require('../test-kit/app');
const { ask } = require('../test-kit/client');
const { cookieOf } = require('../test-kit/jar');

main(JSON.parse(process.argv[2])).catch((error) => {
  console.error(error);
  process.exit(1);
});

async function main({ subject, scenario, maxAge, redis }) {
  const client = subject.store === 'redis' ? await connect(redis, subject.isCached) : undefined;
  const { middleware } = open(subject, { maxAge, redis: client });
  const handler = HANDLERS[scenario.handler];

  const { port } = await serve(http.createServer((req, res) => {
    middleware(req, res, (error) => {
      if (error) throw error;
      if (req.url !== '/login') {
        handler(req, res);
        return;
      }
      if (req.session) Object.assign(req.session, sample(scenario.bytes, 0, scenario.isFlat));
      res.end();
    });
  }));
  const { cookies } = await ask(port, '/login');
  process.on('message', () => process.send(process.cpuUsage()));
  process.on('disconnect', () => process.exit(0));
  process.send({ port, cookie: cookieOf(cookies) });
}
