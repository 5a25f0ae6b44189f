'use strict';

// In test:long: BYTES_CASES=100000

/**
 * Sign, unsign, parse and serialise against npm cookie-signature 1.0.7 and
 * cookie 0.7.2, on picked and on random inputs. BYTES_SEED is the seed of the
 * first random case (1), BYTES_CASES their number per test (2000).
 */

const test = require('node:test');
const assert = require('node:assert/strict');

test('the references are the versions that are meant', () => {
  assert.equal(require('cookie/package.json').version, '0.7.2');
  assert.equal(require('cookie-signature/package.json').version, '1.0.7');
});

require('./bytes/parsing');
require('./bytes/signing');
require('./bytes/serializing');
require('./bytes/one-step');
