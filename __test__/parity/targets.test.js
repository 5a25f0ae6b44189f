'use strict';

/**
 * What becomes of a request target, against npm parseurl 1.3.3, which the original uses:
 * the same path and the same object, or the same error; and no warning of Node.js.
 */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { child } = require('../compat/app');

const COUNT = 65000;

const files = { file: require.resolve('../../session/request/pathname'), env: { TARGETS: path.join(__dirname, 'targets.js') } };

/** A dependency of the original's. */
const parseurl = require.resolve('parseurl', { paths: [require.resolve('express-session')] });

test(`${COUNT} random targets are read as by parseurl`, async () => {
  const { status, stdout, stderr } = await child(`
    const assert = require('node:assert/strict');
    const url = require('node:url');
    const { random, outcome } = require(process.env.TARGETS);
    const parseurl = require(${JSON.stringify(parseurl)});
    const pathname = require(process.env.PACKAGE);
    const counts = { thrown: 0, ports: 0 };
    for (const target of random(${COUNT})) {
      for (const key of ['url', 'originalUrl']) {
        const theirs = outcome((req) => (parseurl.original(req).pathname || '/'), { [key]: target });
        const ours = outcome(pathname, { [key]: target });
        assert.deepEqual(ours, theirs, JSON.stringify(target));
        if (theirs.error) counts.thrown++;
        else if (theirs.path.startsWith('/:')) counts.ports++;
      }
    }
    console.log(JSON.stringify(counts));
  `, { ...files, args: ['--no-deprecation'] });
  assert.equal(status, 0, stderr);
  const { thrown, ports } = JSON.parse(stdout);
  assert.ok(thrown > 1000 && ports > 1000, stdout);
});

test('none of them makes Node.js warn', async () => {
  const { status, stderr } = await child(`
    const { random, outcome } = require(process.env.TARGETS);
    const pathname = require(process.env.PACKAGE);
    for (const target of random(${COUNT})) outcome(pathname, { url: target });
  `, { ...files, args: ['--pending-deprecation'] });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
});
