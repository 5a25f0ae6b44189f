'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const url = require('node:url');
const { isOurs } = require('../subject');
const { each, open, read } = require('../compat/app');

const REPAIRED = 'http://a:b/';

// Node.js's HTTP parser lets these through, and its url.parse throws for them; for the last since Node.js 25.
const targets = ['http://[', 'http://[::1', 'http://[/x', REPAIRED].filter(refusal);

/** The code of what url.parse throws. */
function refusal(target) {
  try {
    url.parse(target);
    return undefined;
  } catch ({ code }) {
    return code;
  }
}

// With the original the exception ends a server that is bare `http`.
each('a request target that is no URL is an error for next, not the end of the process', { skip: !isOurs }, async (t, kind) => {
  const app = await open(t, { kind, options: { saveUninitialized: true }, handler: read });
  for (const target of targets) {
    const answer = await app.raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 [45]\d\d /, target);
    assert.doesNotMatch(answer, /set-cookie/i, target);
  }
  // Express has looked at the target before, and asks no middleware.
  if (kind === 'http') assert.deepEqual(app.errors.map(({ code }) => code), targets.map(refusal));
  assert.equal((await app.visit(read)).status, 200);
});

test('what the parser repairs has a session', { skip: targets.includes(REPAIRED) && 'from Node.js 25 on it is refused' }, async (t) => {
  const app = await open(t, { options: { saveUninitialized: true }, handler: read });
  assert.match(await app.raw(`GET ${REPAIRED} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`), /set-cookie/i);
});
