'use strict';

const express4 = require('express4');
const express5 = require('express');
const { arrive, sessionAccessor } = require('./arrival');
const { describeError, revive } = require('./values');
const { runSteps } = require('./steps');

/** What tells of a body, and stays on the response if that is abandoned for an error page. */
const BODY_HEADERS = ['Content-Length', 'Content-Type', 'Content-Encoding', 'ETag', 'Last-Modified'];

/**
 * The listener of one run: what comes before the session middleware, the
 * middleware, the handler, and where errors end up.
 * @param {object} run its `active` is the visit whose request arrives now
 * @param {object} server of the scenario
 * @param {Function[]} middlewares one for each `session()` of the app
 */
function createListener(run, server, middlewares) {
  const visits = new WeakMap();
  const visitOf = (req) => visits.get(req);
  const before = (req, res, next) => {
    const visit = run.active;
    visits.set(req, visit);
    res.on('error', (err) => visit.record({ responseError: describeError(err) }));
    if (server.encrypted) req.connection.encrypted = true;
    enter(visit, req, res);
    next();
  };
  // every call of next is an event of its own, also those after the response
  const watched = (req, res, next) => {
    const visit = visitOf(req);
    middlewares[visit.request.session || 0](req, res, (err) => {
      visit.record({ next: err === undefined ? 'ok' : describeError(err) });
      next(err);
    });
  };
  const handler = (req, _res) => {
    const visit = visitOf(req);
    visit.handled = runSteps(visit, visit.request.steps);
  };
  const chain = server.twice ? [watched, watched] : [watched];

  return server.kind === 'http'
    ? plainListener(visitOf, before, chain, handler)
    : expressListener(visitOf, server, before, chain, handler);
}

function enter(visit, req, res) {
  visit.req = req;
  visit.res = res;
  for (const [name, value] of Object.entries(visit.request.preset)) req[name] = revive(value);
  if (visit.request.cookieParser) Object.assign(req, visit.parsedCookies);
  arrive(visit);
}

function fail(visit, err) {
  const { res } = visit;
  visit.record({ error: describeError(err) });
  if (typeof res.end !== 'function') return;
  if (res.headersSent) {
    // the handler has written since, and no page can follow: as Express does
    if (visit.awaitsPage && !res.writableEnded) res.destroy();
    return;
  }
  visit.hasAbandonedBody = BODY_HEADERS.some((name) => res.hasHeader(name));
  res.statusCode = 500;
  try {
    res.end(describeError(err));
  } catch (second) {
    visit.record({ errorPage: describeError(second) });
    res.destroy();
  }
}

function plainListener(visitOf, before, chain, handler) {
  return (req, res) => {
    const layers = [before, ...chain, handler];
    const next = (err) => {
      if (err) return fail(visitOf(req), err);
      const layer = layers.shift();
      if (!layer) return visitOf(req).record({ next: 'nothing left' });
      try {
        return layer(req, res, next);
      } catch (thrown) {
        visitOf(req).record({ escaped: describeError(thrown) });
        return fail(visitOf(req), thrown);
      }
    };
    next();
  };
}

function expressListener(visitOf, server, before, chain, handler) {
  const express = server.kind === 'express4' ? express4 : express5;
  const app = express();
  if (server.trustProxy) app.set('trust proxy', 1);
  if (server.accessor) Object.defineProperty(app.request, 'session', sessionAccessor(server.accessor, visitOf));
  app.use(before);
  if (server.mount) app.use(server.mount, ...chain);
  else app.use(...chain);
  if (server.sub) {
    const sub = express();
    sub.set('trust proxy', !server.trustProxy);
    sub.use(handler);
    app.use(sub);
  }
  app.use(handler);
  // four parameters make it an error handler
  app.use((err, req, _res, _next) => fail(visitOf(req), err));
  return (req, res) => app(req, res, (err) => {
    visitOf(req).record({ leftTheApp: err === undefined ? 'without error' : describeError(err) });
    // as Express's last resort does
    if (!res.headersSent) fail(visitOf(req), err);
  });
}

/** `session(req, {}, next)`: how WebSocket servers use the middleware. */
function runDetached(visit, middleware, headers) {
  const req = {
    method: visit.request.method,
    url: visit.request.target,
    headers,
    connection: {},
  };
  const res = {};
  return new Promise((resolve) => {
    enter(visit, req, res);
    const next = (err) => {
      visit.record({ next: err === undefined ? 'ok' : describeError(err) });
      resolve(err ? undefined : runSteps(visit, visit.request.steps));
    };
    try {
      middleware(req, res, next);
    } catch (thrown) {
      visit.record({ escaped: describeError(thrown) });
      resolve();
    }
  });
}

module.exports = { createListener, runDetached };
