'use strict';

const kit = require('../../../test-kit/app');

/**
 * Listens on a free port, and tells the parent which one and which file the name
 * express-session stood for. Stops when the parent says so, or is gone.
 *
 * @param {import('node:http').Server} server
 * @param {() => void} [close] closes what the server itself does not
 */
function serve(server, close = () => {}) {
  const serving = kit.serve(server);

  serving.then(({ port }) => tell({ port }));
  process.on('message', (message) => message === 'stop' && process.disconnect());
  process.once('disconnect', () => {
    close();
    serving.then((served) => served.close());
  });
}

/** @param {object} news for the parent */
function tell(news) {
  process.send({ ...news, file: require.resolve('express-session') });
}

module.exports = { serve, tell };
