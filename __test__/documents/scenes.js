'use strict';

/** What stands around a snippet that is no whole program: `<!-- run: NAME -->`. */
const app = `const express = require('express');
const app = express();
`;
const visits = `
app.get('/', (req, res) => {
  req.session.visits = (req.session.visits || 0) + 1;
  res.send(\`Visit number \${req.session.visits}\`);
});
app.listen(3000);
`;
const counted = /^200 Visit number 1\n200 Visit number 2\n$/;
const session = "const session = require('express-session-rs');\n";
const redis = `const { RedisStore } = require('connect-redis');
const kept = new Map();
const client = {
  scanIterator() {},
  get: async (key) => kept.get(key) ?? null,
  expire: async () => 1,
  set: async (key, text, { condition } = {}) => {
    if (condition !== 'XX' || kept.has(key)) kept.set(key, text);
  },
};
`;
/** Answers with what a snippet, which is in a handler, makes of a request. */
const handler = ['(async () => {\nconst handle = async (req, res) => {\n', '\n};\n'];

module.exports = {
  /** A whole program: it ends by itself, and says nothing. */
  '': { printed: /^$/ },
  serves: { printed: counted },
  'app': { before: app + session, after: visits, printed: counted },
  'app with Redis': { before: app + session + redis, after: visits, printed: counted },
  'app under the alias': { before: app, after: visits, printed: counted, alias: true },
  'a store': {
    before: app + session,
    after: `
app.use(session({ secret: 'x', resave: false, saveUninitialized: false, store: new MapStore() }));${visits}`,
    printed: counted,
  },
  'line by line': { before: "const session = require('express-session');\n", lines: true, printed: /^$/ },
  'under the alias': { printed: /^$/, alias: true },
  'the original side by side': { printed: /^$/ },
  'cookie-session, line by line': {
    before: app + session + `
app.use(session({ secret: 'x', resave: false, saveUninitialized: false, unset: 'destroy', cookie: { maxAge: 1e6 } }));
app.get('/', (req, res) => {
`,
    after: `
  res.send(String(typeof req.session));
});
app.listen(3000);
`,
    lines: true,
    printed: /^200 object\n200 object\n$|^200 \n200 \n$/,
  },
  handler,
};
delete module.exports.handler;
