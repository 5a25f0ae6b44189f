'use strict';

/**
 * The server of the leak test, in a process of its own, so that its memory is nobody
 * else's. Its routes are what a session goes through. LEAK=100 plants a leak of 100 bytes
 * in each request.
 */

const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { session } = require('../subject');
const { serve } = require('../../test-kit/app');

const leak = Number(process.env.LEAK || 0);
const leaked = [];
let leaking = 0;

/** In pieces of 64 kB, so that it is as many bytes as it says and not an object's, too. */
function leakSome() {
  leaking += leak;
  if (leaking < 65536) return;
  leaked.push(Buffer.alloc(65536, 1));
  leaking -= 65536;
}

/** More sessions than visitors have at once. */
const LIVE = 150;

const store = new session.MemoryStore({ checkPeriod: 200 });
const middleware = session({ secret: 'keyboard', name: 'sid', resave: false, saveUninitialized: false, unset: 'destroy', store });

/** With a length, so that the load need not read chunks. */
function answer(res, text) {
  res.setHeader('Content-Length', text.length);
  res.end(text);
}

const routes = {
  '/none': (req, res) => answer(res, 'none'),
  '/read': (req, res) => answer(res, String(req.session.n)),
  '/write': (req, res) => {
    const { session: its } = req;
    its.n = (its.n || 0) + 1;
    its.text = 'x'.repeat(its.n % 7 * 100);
    answer(res, String(its.n));
  },
  // Its time is over soon, and nobody asks for it again.
  '/abandon': (req, res) => {
    req.session.n++;
    req.session.cookie.maxAge = 500;
    answer(res, 'abandoned');
  },
  '/regenerate': (req, res) => {
    const { n } = req.session;
    req.session.regenerate((error) => {
      req.session.n = n;
      answer(res, error ? String(error) : String(n));
    });
  },
  '/destroy': (req, res) => req.session.destroy((error) => answer(res, String(error ?? 'destroyed'))),
  '/unset': (req, res) => { req.session = null; answer(res, 'unset'); },
};

const server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => {
  middleware(req, res, (error) => {
    leakSome();
    if (error) answer(res, String(error));
    else routes[req.url](req, res);
  });
});

serve(server).then(({ port }) => process.send({ port }));

/** What is held once everything that can be freed is. */
async function sample() {
  // What was abandoned ends by itself.
  while (store.stats().sessions > LIVE) await sleep(50);
  for (let turn = 0; turn < 4; turn++) {
    global.gc();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, ...store.stats() };
}

process.on('message', async () => process.send(await sample()));
process.on('disconnect', () => process.exit());
