'use strict';

const { once } = require('node:events');

/**
 * A client of socket.io with the cookies of a browser. Puts on record how it was
 * received.
 *
 * @param {object} stage see pair.js
 * @param {{ jar: import('../../test-kit/jar').Jar }} browser
 * @param {string[]} transports
 * @param {string} [space] a namespace
 * @returns {Promise<object | undefined>} undefined if the server would not have it
 */
async function connect({ port, tell }, { jar }, transports, space = '/') {
  // Loaded when it is installed.
  const { io } = require('socket.io-client');
  const cookie = jar.header;
  const client = io(`http://127.0.0.1:${port}${space}`, {
    transports, forceNew: true, reconnection: false, extraHeaders: cookie ? { cookie } : {},
  });

  // The upgrade may come before the connection of the namespace.
  const upgraded = transports.length === 1
    ? undefined
    : once(client.io, 'open').then(() => once(client.io.engine, 'upgrade'));
  const refused = await new Promise((resolve) => {
    client.once('connect', () => resolve(undefined));
    client.once('connect_error', resolve);
  });
  if (refused) {
    tell(`refused ${space}`, refused.message);
    client.close();
    return undefined;
  }
  await upgraded;
  tell('connected', client.io.engine.transport.name);

  return {
    client,

    /** Sends an event, and puts what it is answered on record. */
    async ask(event) {
      tell(event, await client.emitWithAck(event));
    },
  };
}

module.exports = connect;
