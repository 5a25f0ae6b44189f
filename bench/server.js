'use strict';

// A loopback server for one subject. It tells its port and a session cookie, and
// then, for each message, the CPU time it has used so far.

const http = require('node:http');
const { HANDLERS } = require('./scenarios');
const { open } = require('./subjects');
const sample = require('./sample');

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

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  http.get({ port, host: '127.0.0.1', path: '/login', agent: false }, (res) => {
    res.resume();
    const cookie = (res.headers['set-cookie'] || []).map((line) => line.split(';')[0]).join('; ');
    res.on('end', () => process.send({ port, cookie }));
  });
});
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit(0));
