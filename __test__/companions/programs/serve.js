'use strict';

/**
 * Listens on a free port, and tells the parent which one and which file the name
 * express-session stood for. Stops when the parent says so, or is gone.
 *
 * @param {import('node:http').Server} server
 * @param {() => void} [close] closes what the server itself does not
 */
function serve(server, close = () => {}) {
  server.listen(0, '127.0.0.1', () => tell({ port: server.address().port }));

  process.on('message', (message) => message === 'stop' && process.disconnect());
  process.once('disconnect', () => {
    close();
    server.close();
    server.closeAllConnections();
  });
}

/** @param {object} news for the parent */
function tell(news) {
  process.send({ ...news, file: require.resolve('express-session') });
}

module.exports = { serve, tell };
