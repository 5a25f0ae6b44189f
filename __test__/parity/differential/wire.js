'use strict';

const net = require('node:net');

/** Longer than any response takes, in ms, if `isStuck` should not notice. */
const WATCHDOG = 1500;

/**
 * Sends one request as bytes on a connection of its own and reads until the
 * server closes it. Nothing parses in between: the comparison is on bytes.
 * @param {number} port
 * @param {{ method: string, target: string, headers: Array<[string, string]> }} request
 * @param {() => Promise<boolean>} isStuck resolves to true if the response will never end
 * @returns {Promise<{ head: string[], framing: string, body: string } | string>}
 */
function exchange(port, { method, target, headers }, isStuck) {
  return new Promise((resolve) => {
    const chunks = [];
    const socket = net.connect(port, '127.0.0.1');
    const timer = setTimeout(hang, WATCHDOG);
    isStuck().then((isSo) => isSo && hang());

    function hang() {
      finish('hang');
      socket.destroy();
    }

    function finish(result) {
      clearTimeout(timer);
      resolve(result);
    }

    socket.on('connect', () => {
      const lines = [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close'];
      for (const [name, value] of headers) lines.push(`${name}: ${value}`);
      socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    });
    socket.on('data', (chunk) => chunks.push(chunk));
    // a connection that the server resets is a result like any other
    socket.on('error', () => {});
    socket.on('close', () => finish(parse(Buffer.concat(chunks).toString('latin1'))));
  });
}

/** Where a body is cut into chunks may differ, its bytes and its framing may not. */
function parse(raw) {
  const end = raw.indexOf('\r\n\r\n');
  if (end === -1) return { head: raw === '' ? [] : [raw], framing: 'none', body: '' };

  const head = raw.slice(0, end).split('\r\n').map((line) => line.replace(/^Date: .*/, 'Date: *'));
  const rest = raw.slice(end + 4);
  const chunked = head.some((line) => /^transfer-encoding: *chunked/i.test(line));

  return chunked ? { head, ...joinChunks(rest) } : { head, framing: 'plain', body: rest };
}

function joinChunks(text) {
  let body = '';
  let at = 0;
  for (;;) {
    const line = text.indexOf('\r\n', at);
    if (line === -1) return { framing: 'chunked, cut off', body };
    const size = parseInt(text.slice(at, line), 16);
    if (size === 0) return { framing: 'chunked', body: body + text.slice(line + 4) };
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

module.exports = { exchange };
