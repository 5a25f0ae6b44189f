'use strict';

const http = require('node:http');
const { EventEmitter } = require('node:events');

/**
 * Stands in for the kernel's end of a connection: takes what a response writes
 * and says in the next tick that it is gone, as a socket does that could write
 * at once. It keeps nothing, so that it costs next to nothing.
 */
class StandIn extends EventEmitter {
  constructor() {
    super();
    this.writable = true;
    this.destroyed = false;
    this.writableLength = 0;
    this.writableHighWaterMark = 65536;
    this.writableNeedDrain = false;
    this._httpMessage = null;
    this._writableState = { corked: 0 };
    this.remoteAddress = '127.0.0.1';
  }

  write(chunk, encoding, callback) {
    if (callback) process.nextTick(callback);
    return true;
  }

  cork() {}

  uncork() {}

  setTimeout() {}
}

/**
 * One keep-alive connection: a request at a time, each with an IncomingMessage
 * and a ServerResponse of its own, made as Node's HTTP server makes them.
 */
class Lane {
  constructor() {
    this.socket = new StandIn();
  }

  /**
   * @param {string[]} rawHeaders names and values in turn, as the parser gives them
   * @param {(req: object, res: object) => void} app
   * @param {(res: object) => void} done
   */
  send(rawHeaders, app, done) {
    const { socket } = this;
    const req = new http.IncomingMessage(socket);
    req.httpVersionMajor = 1;
    req.httpVersionMinor = 1;
    req.httpVersion = '1.1';
    req.method = 'GET';
    req.url = '/account';
    req._addHeaderLines(rawHeaders, rawHeaders.length);
    // Node's server asks for this one before it hands a request on, so that the headers
    // have been parsed by then.
    if (req.headers.expect !== undefined) throw new Error('no client of this benchmark expects anything');
    const res = new http.ServerResponse(req);
    res.shouldKeepAlive = true;
    res.assignSocket(socket);
    res.on('finish', () => {
      res.detachSocket(socket);
      done(res);
    });
    app(req, res);
  }
}

/**
 * Sends `count` requests over some lanes at a time, each lane's next one in a
 * later turn of the event loop, like a server with that many busy clients.
 *
 * @param {Lane[]} lanes
 * @param {number} count
 * @param {() => string[]} nextHeaders
 * @param {(req: object, res: object) => void} app
 * @param {(res: object) => void} [onResponse]
 * @returns {Promise<object>} the last response
 */
function drive(lanes, count, nextHeaders, app, onResponse) {
  return new Promise((resolve) => {
    let started = 0;
    let finished = 0;
    function start(lane) {
      if (started === count) return;
      started++;
      lane.send(nextHeaders(), app, (res) => {
        if (onResponse) onResponse(res);
        if (++finished === count) resolve(res);
        else setImmediate(start, lane);
      });
    }
    for (const lane of lanes) start(lane);
  });
}

module.exports = { Lane, drive };
