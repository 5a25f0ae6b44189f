'use strict';

/**
 * Loaded into a program of a document before its own code: the package's names mean this
 * checkout, a server takes a free port, and its answers are read, whereupon the program ends.
 */
const Module = require('node:module');
const net = require('node:net');
const path = require('node:path');
const { Visitor } = require('../../test-kit/client');

const root = path.join(__dirname, '..', '..');
const names = process.env.ALIAS ? ['express-session-rs', 'express-session'] : ['express-session-rs'];
const resolve = Module._resolveFilename;

Module._resolveFilename = function (request, ...rest) {
  const name = names.find((name) => request === name || request.startsWith(`${name}/`));
  return resolve.call(this, name ? path.join(root, `.${request.slice(name.length)}`) : request, ...rest);
};

process.env.SECRET ??= 'a secret of the test';

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  this.once('listening', () => visit(this));
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((each) => typeof each === 'function'));
};

/** Two visits of one browser; the test looks at what is printed. */
async function visit(server) {
  const visitor = new Visitor(server.address().port);
  for (let visits = 0; visits < 2; visits += 1) {
    const { status, body } = await visitor.get('/');
    console.log(`${status} ${body}`);
  }
  process.exit();
}
