'use strict';

/**
 * Loaded into a program of a document before its own code: the package's names mean this
 * checkout. If there are VISITS, a server takes a free port, and its answers are read, whereupon
 * the program ends.
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

if (process.env.VISITS) {
  const { listen } = net.Server.prototype;
  net.Server.prototype.listen = function (port, ...rest) {
    this.once('listening', () => visit(this));
    return listen.call(this, 0, '127.0.0.1', ...rest.filter((each) => typeof each === 'function'));
  };
}

/**
 * One browser visits the server: twice the path `/`, or what the variable VISITS lists. It follows a
 * redirect as soon as it sees the headers, as browsers do. A list among VISITS is of requests that it sends at once.
 * A third word names another browser, and is its User-Agent. The test looks at what is printed:
 * status and body, or where a redirect leads, and the response headers that VISITS wants to see. The
 * headers `sent` go with each request, as those of a proxy do.
 */
async function visit(server) {
  const { visits = ['GET /', 'GET /'], headers: shown = [], sent } = JSON.parse(process.env.VISITS);
  const visitors = new Map();
  const ask = async (method, path, name) => {
    if (!visitors.has(name)) visitors.set(name, new Visitor(server.address().port, { headers: { ...sent, ...(name && { 'user-agent': name }) } }));
    const visitor = visitors.get(name);
    let followed;
    const { status, body, headers } = await visitor.ask(method, path, {
      onResponse: ({ statusCode, headers: { location, 'set-cookie': cookies } }) => {
        if (statusCode < 300 || statusCode > 399) return;
        visitor.jar.take(cookies);
        followed = ask('GET', location, name);
      },
    });
    const line = `${status} ${followed ? headers.location : body}${shown.map((name) => ` | ${headers[name]}`).join('')}`;
    return followed ? `${line}\n${await followed}` : line;
  };
  for (const each of visits) {
    const answers = await Promise.all([each].flat().map((one) => ask(...one.split(' '))));
    console.log(answers.join('\n'));
  }
  process.exit();
}
