'use strict';

// A loopback server for one subject. It tells its port and a session cookie, and
// then, for each message, the CPU time it has used so far.

const http = require('node:http');
const { HANDLERS } = require('./scenarios');
const { open } = require('./subjects');
const sample = require('./sample');
const { serve } = require('../test-kit/app');
const { ask } = require('../test-kit/client');
const { cookieOf } = require('../test-kit/jar');

const { subject, scenario, maxAge } = JSON.parse(process.argv[2]);
const { middleware } = open(subject, { maxAge });
const handler = HANDLERS[scenario.handler];

const server = http.createServer((req, res) => {
  middleware(req, res, (error) => {
    if (error) throw error;
    if (req.url !== '/login') {
      handler(req, res);
      return;
    }
    if (req.session) Object.assign(req.session, sample(scenario.bytes, 0, scenario.isFlat));
    res.end();
  });
});

serve(server).then(async ({ port }) => {
  const { cookies } = await ask(port, '/login');
  process.send({ port, cookie: cookieOf(cookies) });
});
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit(0));
