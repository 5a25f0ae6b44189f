'use strict';

const { once } = require('node:events');

const { recorded } = require('../alias/visit');

/** What is random in the answer to a handshake: what proves that the server read the client's key. */
const ACCEPT = ['ACCEPT', /^[\w+/]{27}=$/g];

/**
 * Opens a WebSocket with the cookies of a browser, and puts the answer to its
 * handshake on record.
 *
 * @param {object} stage see pair.js
 * @param {{ jar: import('../../test-kit/jar').Jar }} browser
 * @param {string} path
 * @returns {Promise<object | undefined>} undefined if the server would not have it
 */
async function open({ port, record, tell }, { jar }, path) {
  // Loaded when it is installed.
  const WebSocket = require('ws');
  const cookie = jar.header;
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: cookie && { cookie } });

  const answered = (response) => {
    const { statusCode: status, statusMessage: message, headers, rawHeaders } = response;
    jar.take(headers['set-cookie']);
    record(recorded('UPGRADE', path, { status, message, rawHeaders, body: '' }));
  };

  const isOpen = await new Promise((resolve, reject) => {
    ws.once('upgrade', answered);
    ws.once('open', () => resolve(true));
    ws.once('error', reject);
    ws.once('unexpected-response', (request, response) => {
      answered(response);
      request.destroy();
      resolve(false);
    });
  });
  if (!isOpen) return undefined;

  const closed = once(ws, 'close');
  return {
    /** Sends a message, and puts what it is answered on record. */
    async ask(text) {
      ws.send(text);
      const [data] = await once(ws, 'message');
      tell(text, JSON.parse(String(data)));
    },

    /** Puts on record that it was closed, and how. */
    async ended() {
      const [code, reason] = await closed;
      tell(`closed ${path}`, [code, String(reason)]);
    },

    close: () => ws.close(),
  };
}

module.exports = { ACCEPT, open };
