'use strict';

const http = require('node:http');
const net = require('node:net');
const { HOST } = require('./port');

/** By name. Each is loaded when it is asked for. */
const frameworks = {
  get 'Express 5'() { return require('express'); },
  get 'Express 4'() { return require('express4'); },
};

/**
 * The kinds of servers that the middleware is for; or the one that the variable SERVER names,
 * for whoever runs tests once more with something else changed.
 */
const kinds = process.env.SERVER ? [process.env.SERVER] : [...Object.keys(frameworks), 'http'];

/**
 * @typedef {(req: any, res: any, next: (error?: any) => void) => any} Handler
 */

/**
 * Makes an app: layers, one behind the other, then what it answers.
 * @param {object} parts
 * @param {string} [parts.kind] one of `kinds`
 * @param {Handler[]} [parts.layers] the session middleware is mostly the only one
 * @param {Handler | Record<string, Handler>} parts.routes by method and path, as `GET /login`; or one for all
 * @param {(error: any, req: any, res: any, next: Function) => void} [parts.fail] handles errors
 * @param {string} [parts.mount] the path that the layers are for, with Express
 * @returns {import('node:http').RequestListener} an app of Express, unless the kind is http
 */
function createApp({ kind = 'Express 5', layers = [], routes, fail = showError, mount = '/' }) {
  const all = [...layers, typeof routes === 'function' ? routes : router(routes)];
  if (kind === 'http') {
    return (req, res) => {
      let i = 0;
      const next = (error) => (error ? fail(error, req, res, () => {}) : all[i++](req, res, next));
      next();
    };
  }
  const app = frameworks[kind]();
  for (const layer of all) app.use(mount, layer);
  // Express knows an error handler by its four parameters.
  app.use((error, req, res, next) => fail(error, req, res, next));
  return app;
}

function router(routes) {
  return (req, res, next) => {
    const [path] = req.url.split('?');
    const handle = routes[`${req.method} ${path}`];
    if (handle) return handle(req, res, next);
    res.statusCode = 404;
    res.end();
  };
}

function showError(error, req, res, next) {
  if (res.headersSent) return next(error);
  res.statusCode = error.status ?? 500;
  res.end(String(error.message));
}

/**
 * Listens on a free port.
 * @param {import('node:http').RequestListener | net.Server} listener or a server of any kind
 * @param {{ after: (close: () => Promise<void>) => void }} [t] the test at whose end it is closed
 * @returns {Promise<{ server: net.Server, port: number, url: string, close: () => Promise<void> }>}
 *   `close` ends open connections, too
 */
async function serve(listener, t) {
  const server = listener instanceof net.Server ? listener : http.createServer(listener);
  await new Promise((resolve, reject) => { server.once('error', reject).listen(0, HOST, resolve); });
  const { port } = server.address();
  const close = () => new Promise((resolve) => {
    server.close(() => resolve());
    // Only servers of HTTP/1 know theirs.
    server.closeAllConnections?.();
  });
  t?.after(close);
  return { server, port, url: `http://${HOST}:${port}/`, close };
}

module.exports = { createApp, serve, frameworks, kinds };
