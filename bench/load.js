'use strict';

// Asks a server for the same page over and over, on keep-alive connections with
// one request each under way. For each message, `{ port, cookie, ms }`, it
// answers with the number of responses and the time in ms.

const net = require('node:net');

const CONNECTIONS = 32;

process.on('message', async (task) => process.send(await load(task)));
process.on('disconnect', () => process.exit(0));
process.send('ready');

// A client that sleeps has to be woken, and the server that answers it pays for that: the
// more, the slower it is. One that never sleeps shows what the server itself takes.
if (JSON.parse(process.argv[2]).isAwake) stayAwake();

function stayAwake() {
  setImmediate(stayAwake);
}

function load({ port, cookie, ms }) {
  const request = Buffer.from([
    'GET /account HTTP/1.1',
    'Host: shop.example.com',
    'Connection: keep-alive',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Accept: text/html',
    ...(cookie ? [`Cookie: ${cookie}`] : []),
    '\r\n',
  ].join('\r\n'));

  return new Promise((resolve, reject) => {
    let responses = 0;
    let isOver = false;
    const started = process.hrtime.bigint();
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      const socket = net.connect(port, '127.0.0.1');
      const parser = new Responses();
      socket.setNoDelay(true);
      socket.on('error', reject);
      socket.on('connect', () => socket.write(request));
      socket.on('data', (bytes) => {
        if (isOver || !parser.take(bytes)) return;
        responses++;
        socket.write(request);
      });
      return socket;
    });
    setTimeout(() => {
      isOver = true;
      const elapsed = Number(process.hrtime.bigint() - started) / 1e6;
      for (const socket of sockets) socket.destroy();
      resolve({ responses, ms: elapsed });
    }, ms);
  });
}

/** Finds where a response ends, which may come in pieces. */
class Responses {
  constructor() {
    this.text = '';
  }

  /** @returns {boolean} whether these bytes complete a response */
  take(bytes) {
    this.text += bytes.latin1Slice();
    const { text } = this;
    const end = text.indexOf('\r\n\r\n');
    if (end === -1) return false;
    if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.slice(0, 200));
    const at = text.indexOf('Content-Length: ');
    const length = parseInt(text.slice(at + 16, at + 26), 10);
    if (at === -1 || at > end || text.length < end + 4 + length) return false;
    this.text = '';
    return true;
  }
}
