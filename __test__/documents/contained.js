'use strict';

// Loaded into a server that takes a port of its container: here it takes a free one, and tells.
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  this.once('listening', () => console.log(`listening on ${this.address().port}`));
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((each) => typeof each === 'function'));
};
