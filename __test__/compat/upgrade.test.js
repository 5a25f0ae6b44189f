'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const { each, pair, open, counter, ledger, write, read } = require('./app');

/** Asks for an upgrade, with or without a cookie, and gives what the server wrote onto the socket. */
function upgrade(port, cookie) {
  return new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
    if (cookie) headers.Cookie = cookie;
    const request = http.request({ host: '127.0.0.1', port, path: '/socket', headers });
    request.on('error', reject);
    request.on('upgrade', (response, socket, head) => {
      let text = head.toString();
      socket.setEncoding('utf8');
      socket.on('data', (part) => { text += part; });
      socket.on('end', () => {
        socket.destroy();
        resolve(text);
      });
    });
    request.end();
  });
}

each('session(req, {}, next) gives an upgrade its session, and save works', async (t, kind) => {
  for (const make of [(module) => new module.MemoryStore(), (module) => ledger({ Store: module.Store })]) {
    const told = await pair(async (module) => {
      const store = make(module);
      const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store, genid: counter() });
      const app = await open(t, { kind, module, middleware });
      app.server.on('upgrade', (req, socket) => {
        middleware(req, {}, (err) => {
          const was = req.session.n;
          req.session.n = (was || 0) + 100;
          req.session.save((error) => {
            socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${JSON.stringify([err, error, req.sessionID, was])}`);
          });
        });
      });
      await app.visit(write);
      const [[name, value]] = app.jar;
      const answers = [await upgrade(app.port, `${name}=${value}`), await upgrade(app.port), await upgrade(app.port, `${name}=s%3Aunknown.bad`)];
      answers.push((await app.visit(read)).body, Object.keys(store.sessions || Object.fromEntries(store.data)));
      return answers;
    });
    assert.deepEqual(told.slice(0, 2).map((text) => JSON.parse(text)), [[null, null, 'sid-1', 1], [null, null, 'sid-2', null]]);
    assert.equal(told[3], '101');
    assert.deepEqual(told[4], ['sid-1', 'sid-2', 'sid-3']);
  }
});

each('the other methods of such a session work too', async (t, kind) => {
  const told = await pair(async (module) => {
    const store = ledger({ Store: module.Store });
    const middleware = module({ secret: 'keyboard', resave: false, saveUninitialized: false, store, genid: counter() });
    const app = await open(t, { kind, module, middleware });
    app.server.on('upgrade', (req, socket) => {
      const steps = [];
      const tell = (name) => steps.push([name, req.sessionID, req.session && Object.keys(req.session)]);
      middleware(req, {}, () => {
        tell('begun');
        req.session.touch();
        req.session.more = 1;
        req.session.reload(() => {
          tell('reloaded');
          req.session.regenerate(() => {
            tell('regenerated');
            req.session.save(() => req.session.destroy(() => {
              tell('destroyed');
              socket.end(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${JSON.stringify(steps)}`);
            }));
          });
        });
      });
    });
    await app.visit(write);
    const [[name, value]] = app.jar;
    return [await upgrade(app.port, `${name}=${value}`), store.take()];
  });
  assert.deepEqual(told[1], ['set', 'get', 'get', 'destroy', 'set', 'destroy']);
  assert.deepEqual(JSON.parse(told[0])[1], ['reloaded', 'sid-1', ['cookie', 'n']]);
});
