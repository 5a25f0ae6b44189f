'use strict';

const crypto = require('node:crypto');
const progress = require('./progress');
const { median, summary } = require('./statistics');
const { table, spread } = require('./table');

const ROUNDS = 15;
const BLOCK_MS = 12;

const SECRET = 'correct horse battery staple';
const SID = 'Ji4DaHvLkHRx-e1yQ5Tz0rXc8PbN2mWf';
const SIGNED = sign(SID);
const COOKIE = `_ga=GA1.1.1234567890.1700000000; theme=dark; connect.sid=${encodeURIComponent(`s:${SIGNED}`)}`;
const OPTIONS = { path: '/', httpOnly: true, sameSite: 'lax', expires: new Date(1800000000000) };

/** Pairs of functions that give the same: the engine's, and the npm modules'. */
function pairs() {
  const Keyring = require('../session/cookie/keyring');
  const serialize = require('../session/cookie/serialize');
  const writer = new serialize.CookieWriter('connect.sid');
  const native = require('../session/native/load');
  const theirs = { cookie: require('cookie'), signature: require('cookie-signature'), uid: require('uid-safe') };
  const keyring = new Keyring([SECRET]);
  return [
    { name: 'sign', ours: () => keyring.sign(SID), theirs: () => theirs.signature.sign(SID, SECRET) },
    { name: 'unsign', ours: () => keyring.unsign(SIGNED), theirs: () => theirs.signature.unsign(SIGNED, SECRET) },
    {
      name: 'header parse + verify',
      ours: () => keyring.unsignCookie(COOKIE, 'connect.sid'),
      theirs: () => theirs.signature.unsign(theirs.cookie.parse(COOKIE)['connect.sid'].slice(2), SECRET),
    },
    { name: 'id', ours: () => native.sessionId(), theirs: () => theirs.uid.sync(24), isRandom: true },
    {
      name: 'serialize',
      ours: () => serialize('connect.sid', `s:${SIGNED}`, OPTIONS),
      theirs: () => theirs.cookie.serialize('connect.sid', `s:${SIGNED}`, OPTIONS),
    },
    {
      name: 'sign + serialize',
      ours: () => writer.write(SID, keyring, OPTIONS),
      theirs: () => theirs.cookie.serialize('connect.sid', `s:${theirs.signature.sign(SID, SECRET)}`, OPTIONS),
    },
  ];
}

/** @returns {object[]} a row per pair: CPU time per call in µs, and the ratio */
function microRows({ only }) {
  const chosen = pairs().filter(({ name }) => name.includes(only));
  return chosen.map((pair, at) => {
    progress(at, chosen.length, pair.name);
    verify(pair);
    const counts = { ours: calibrate(pair.ours), theirs: calibrate(pair.theirs) };
    const rounds = Array.from({ length: ROUNDS }, () => ({
      ours: time(pair.ours, counts.ours),
      theirs: time(pair.theirs, counts.theirs),
    }));
    const ours = rounds.map((round) => round.ours);
    const theirs = rounds.map((round) => round.theirs);
    const ratio = { ...summary(rounds.map((round) => round.ours / round.theirs)), median: median(ours) / median(theirs) };
    return { name: pair.name, ratio, ours: summary(ours), theirs: summary(theirs) };
  });
}

function verify({ name, ours, theirs, isRandom }) {
  const [a, b] = [ours(), theirs()];
  if (isRandom ? a.length !== b.length : a !== b) throw new Error(`${name}: ${a} is not ${b}`);
}

function calibrate(call) {
  let count = 1000;
  for (let spent = 0; spent < 200000;) {
    const per = time(call, count);
    spent += per * count;
    count = Math.max(1000, Math.round((BLOCK_MS * 1000) / per));
  }
  return count;
}

function time(call, count) {
  const before = process.cpuUsage();
  for (let left = count; left > 0; left--) kept = call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Keeps the compiler from leaving out what nobody looks at. */
let kept;

function microTable(rows) {
  return table(
    ['CPU per call, µs', 'ratio', 'express-session-rs', 'npm modules'],
    rows.map(({ name, ratio, ours, theirs }) => [name, spread(ratio), spread(ours), spread(theirs)]),
  );
}

function sign(value) {
  const mac = crypto.createHmac('sha256', SECRET).update(value).digest('base64').replace(/=+$/, '');
  return `${value}.${mac}`;
}

module.exports = { microRows, microTable, lastResult: () => kept };
