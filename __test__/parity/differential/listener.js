'use strict';

const http = require('node:http');
const { after, before } = require('node:test');

/**
 * The server of the process, on a free port from before the first test to after
 * the last. A scenario puts its `handle` on it.
 * @returns {{ port: number, handle?: Function }}
 */
function listen() {
  const listener = { port: 0, handle: undefined };
  // requests that are still on their way when their scenario is over go nowhere
  const server = http.createServer((req, res) => (listener.handle ? listener.handle(req, res) : res.destroy()));

  before(() => new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      listener.port = server.address().port;
      resolve();
    });
  }));

  after(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return listener;
}

module.exports = listen;
