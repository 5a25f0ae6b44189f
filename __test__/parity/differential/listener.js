'use strict';

const { after, before } = require('node:test');
const { serve } = require('../../../test-kit/app');

/**
 * The server of the process, on a free port from before the first test to after
 * the last. A scenario puts its `handle` on it.
 * @returns {{ port: number, handle?: Function }}
 */
function listen() {
  const listener = { port: 0, handle: undefined };
  // requests that are still on their way when their scenario is over go nowhere
  let served;

  before(async () => {
    served = await serve((req, res) => (listener.handle ? listener.handle(req, res) : res.destroy()));
    listener.port = served.port;
  });
  after(() => served.close());
  return listener;
}

module.exports = listen;
