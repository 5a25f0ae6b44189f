'use strict';

const express4 = require('express4');
const express5 = require('express');
const { describeError, revive } = require('./values');
const { runSteps } = require('./steps');

/**
 * The listener of one run: what comes before the session middleware, the
 * middleware, the handler, and where errors end up.
 * @param {object} run the state of the run; its `request` is the scenario's current one
 */
function createListener(run, server, middleware) {
  const before = (req, res, next) => {
    enter(run, req, res);
    res.on('error', (err) => run.record({ responseError: describeError(err) }));
    if (server.encrypted) req.connection.encrypted = true;
    next();
  };
  // every call of next is an event of its own, also those after the response
  const watched = (req, res, next) => middleware(req, res, (err) => {
    run.record({ next: err === undefined ? 'ok' : describeError(err) });
    next(err);
  });
  const handler = (_req, _res) => {
    run.handled = runSteps(run, run.request.steps);
  };
  const chain = server.twice ? [watched, watched] : [watched];

  return server.kind === 'http'
    ? plainListener(run, before, chain, handler)
    : expressListener(run, server, before, chain, handler);
}

function enter(run, req, res) {
  run.req = req;
  run.res = res;
  for (const [name, value] of Object.entries(run.request.preset)) req[name] = revive(value);
  if (run.request.cookieParser) Object.assign(req, run.parsedCookies);
}

function fail(run, err, res) {
  run.record({ error: describeError(err) });
  if (typeof res.end !== 'function' || res.headersSent) return;
  res.statusCode = 500;
  try {
    res.end(describeError(err));
  } catch (second) {
    run.record({ errorPage: describeError(second) });
    res.destroy();
  }
}

function plainListener(run, before, chain, handler) {
  return (req, res) => {
    const layers = [before, ...chain, handler];
    const next = (err) => {
      if (err) return fail(run, err, res);
      const layer = layers.shift();
      if (!layer) return run.record({ next: 'nothing left' });
      try {
        return layer(req, res, next);
      } catch (thrown) {
        run.record({ escaped: describeError(thrown) });
        return fail(run, thrown, res);
      }
    };
    next();
  };
}

function expressListener(run, server, before, chain, handler) {
  const app = (server.kind === 'express4' ? express4 : express5)();
  if (server.trustProxy) app.set('trust proxy', 1);
  app.use(before);
  if (server.mount) app.use(server.mount, ...chain);
  else app.use(...chain);
  app.use(handler);
  // four parameters make it an error handler
  app.use((err, _req, res, _next) => fail(run, err, res));
  return (req, res) => app(req, res, (err) => {
    run.record({ leftTheApp: err === undefined ? 'without error' : describeError(err) });
    // as Express's last resort does
    if (!res.headersSent) fail(run, err, res);
  });
}

/** `session(req, {}, next)`: how WebSocket servers use the middleware. */
function runDetached(run, middleware, headers) {
  const req = {
    method: run.request.method,
    url: run.request.target,
    headers,
    connection: {},
  };
  const res = {};
  return new Promise((resolve) => {
    enter(run, req, res);
    const next = (err) => {
      run.record({ next: err === undefined ? 'ok' : describeError(err) });
      resolve(err ? undefined : runSteps(run, run.request.steps));
    };
    try {
      middleware(req, res, next);
    } catch (thrown) {
      run.record({ escaped: describeError(thrown) });
      resolve();
    }
  });
}

module.exports = { createListener, runDetached };
