'use strict';

/**
 * Makes both packages' own ids the same for a while. Their generators cannot be
 * given as an option: who passes a `genid` takes another way through ours.
 */
const crypto = require('node:crypto');

const BYTES = 24;
const { randomBytes } = crypto;

/** Whatever packages of ours are loaded by the first scenario. */
let addons;

/**
 * @param {number} seed
 * @param {string[]} sids gets each id that is made
 * @returns {() => void} puts the generators back
 */
function startIds(seed, sids) {
  let count = 0;
  const next = () => {
    count += 1;
    const bytes = crypto.createHash('sha256').update(`${seed} ${count}`).digest().subarray(0, BYTES);
    sids.push(bytes.toString('base64url'));
    return bytes;
  };
  // the original asks for random bytes, ours asks its addon for an id
  crypto.randomBytes = (size, ...rest) => (size === BYTES ? next() : randomBytes(size, ...rest));
  addons ||= Object.values(require.cache)
    .filter(({ filename }) => /[/\\]session[/\\]native[/\\]load\.js$/.test(filename))
    .map(({ exports }) => ({ exports, sessionId: exports.sessionId }));
  for (const { exports } of addons) exports.sessionId = () => next().toString('base64url');
  return () => {
    crypto.randomBytes = randomBytes;
    for (const { exports, sessionId } of addons) exports.sessionId = sessionId;
  };
}

module.exports = { startIds };
