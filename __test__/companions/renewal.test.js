'use strict';

// Not in check: it installs packages.

/** What a new id of a session does to packages that hold the old one: the option `renewAfter`. */

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { before, describe, it } = require('node:test');
const express = require('express');
const cookieParser = require('cookie-parser');

const { clock } = require('../clock');
const { serve } = require('../../test-kit/app');
const { ask } = require('../../test-kit/client');
const { Jar } = require('../../test-kit/jar');
const { session, isOurs } = require('../subject');
const install = require('./install');

const HOUR = 3_600_000;
const GRACE = 60_000;

describe('beside a new id:', { skip: !isOurs && 'the original renews no id' }, () => {
  before(install);

  const sessions = () => session({ secret: 'keyboard', resave: false, saveUninitialized: false, renewAfter: HOUR, renewGrace: GRACE });

  /** A visitor of an app, with the cookies of a browser. */
  async function visitor(t, app, onServer) {
    const server = http.createServer(app);
    onServer?.(server);
    const { port } = await serve(server, t);
    const jar = new Jar();
    const visit = async (method, path, headers) => {
      const answer = await ask(port, path, { method, headers: { connection: 'close', ...jar.size && { cookie: jar.header }, ...headers } });
      jar.take(answer.cookies);
      return { status: answer.status, body: answer.body };
    };
    return { jar, port, visit };
  }

  it('a token of csrf-csrf that is bound to the id breaks, and one that is bound to a value in the session does not', async (t) => {
    const { doubleCsrf } = require('csrf-csrf');
    const { randomUUID } = require('node:crypto');
    const ways = {
      id: (req) => req.session.id,
      value: (req) => (req.session.formKey ??= randomUUID()),
    };
    for (const [way, getSessionIdentifier] of Object.entries(ways)) {
      const time = clock(t);
      const { generateCsrfToken, doubleCsrfProtection } = doubleCsrf({
        getSecret: () => 'secret', getSessionIdentifier, cookieName: 'csrf', cookieOptions: { secure: false },
      });
      const app = express();
      app.use(sessions(), cookieParser());
      app.get('/token', (req, res) => { req.session.kept = true; res.send(generateCsrfToken(req, res)); });
      app.get('/page', (req, res) => { res.send(req.session.id); });
      app.post('/notes', doubleCsrfProtection, (req, res) => { res.send('noted'); });
      app.use((error, req, res, _next) => { res.status(error.statusCode ?? 500).send(error.code); });
      const { visit } = await visitor(t, app);

      const { body: token } = await visit('GET', '/token');
      const { body: first } = await visit('GET', '/page');
      assert.deepEqual(await visit('POST', '/notes', { 'x-csrf-token': token }), { status: 200, body: 'noted' });
      time.tick(HOUR);
      const { body: second } = await visit('GET', '/page');
      assert.notEqual(second, first);
      const late = await visit('POST', '/notes', { 'x-csrf-token': token });
      assert.deepEqual(late, way === 'id' ? { status: 403, body: 'EBADCSRFTOKEN' } : { status: 200, body: 'noted' });
    }
  });

  it('a WebSocket holds the session under its new id until the grace is over', async (t) => {
    const { WebSocket, WebSocketServer } = require('ws');
    const time = clock(t);
    const app = express();
    const middleware = sessions();
    app.use(middleware);
    app.get('/count', (req, res) => { req.session.count = (req.session.count ?? 0) + 1; res.json(req.session.count); });

    const sockets = new WebSocketServer({ noServer: true });
    const { jar, port, visit } = await visitor(t, app, (server) => {
      server.on('upgrade', (req, socket, head) => {
        middleware(req, new http.ServerResponse(req), () => {
          sockets.handleUpgrade(req, socket, head, (ws) => {
            ws.on('message', async () => {
              try {
                await req.session.reload();
                req.session.count += 10;
                await req.session.save();
                ws.send(JSON.stringify([req.session.id === req.sessionID, req.session.count]));
              } catch (error) {
                ws.send(JSON.stringify(error.message));
              }
            });
          });
        });
      });
    });
    const sidIn = (header) => /s%3A([^.]+)\./.exec(header)[1];

    assert.equal((await visit('GET', '/count')).body, '1');
    const old = jar.header;
    time.tick(HOUR);
    // An upgrade renews nothing: the browser could not be told.
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { cookie: old } });
    await once(ws, 'open');
    const say = async () => {
      ws.send('count');
      const [data] = await once(ws, 'message');
      return JSON.parse(String(data));
    };
    assert.deepEqual(await say(), [true, 11]);
    assert.equal((await visit('GET', '/count')).body, '12');
    assert.notEqual(sidIn(jar.header), sidIn(old));
    assert.deepEqual(await say(), [true, 22]);
    assert.equal((await visit('GET', '/count')).body, '23');
    time.tick(GRACE);
    // The socket has learnt the new id, and so it finds the session for ever.
    assert.deepEqual(await say(), [true, 33]);

    // One that was silent meanwhile has not.
    const silent = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { cookie: jar.header } });
    await once(silent, 'open');
    time.tick(HOUR);
    await visit('GET', '/count');
    time.tick(GRACE);
    silent.send('count');
    assert.equal(JSON.parse(String((await once(silent, 'message'))[0])), 'failed to load session');
    assert.equal((await visit('GET', '/count')).body, '35');
    ws.close();
    silent.close();
    await Promise.all([once(ws, 'close'), once(silent, 'close')]);
  });
});
