'use strict';

/** What each export of the addon takes, and what it may answer: as in native.d.ts. */

const { isPromise } = require('node:util').types;
const fc = require('fast-check');
const { cookieText, damaged, dataText, is, number, sessionText, sid, text, user } = require('./specs');

const handle = (name) => fc.nat({ max: 9 }).map((at) => ({ handle: name, at }));

const any = is(fc.oneof(sessionText, damaged, text));
const name = is(fc.oneof({ weight: 3, arbitrary: fc.constant('sid') }, { weight: 1, arbitrary: text }));
const header = fc.oneof(is(text), is(text.map((value) => `a=1; sid=${value}`)), handle('headers'));
const [ofSid, ofNumber, ofText, ofCookie, ofData, ofBoolean] = [sid, number, text, cookieText, dataText, fc.boolean()].map(is);
const [keys, store, found, secrets, path, options] = ['keys', 'stores', 'founds', 'secrets', 'paths', 'options'].map(handle);

const ofUser = is(fc.oneof(user, text));

const types = (...allowed) => (answer) => allowed.includes(typeof answer);
const among = (...allowed) => (answer) => allowed.includes(answer);
const nothing = among(undefined);
const isStrings = (answer) => Array.isArray(answer) && answer.every((one) => typeof one === 'string');
const isCount = (answer) => Number.isSafeInteger(answer) && answer >= 0;
const isHandle = (answer) => typeof answer === 'object' && answer !== null;
const isTime = (answer) => answer === null || Number.isSafeInteger(answer);
const isUnmade = (answer) => answer.every(({ sid, error }) => ['string', 'undefined'].includes(typeof sid) && ['string', 'undefined'].includes(typeof error));
const isListed = (answer) => answer.every(({ sid, meta, expires, lifetime, isDeadline, isUnclear }) => (
  [sid, meta].every((its) => typeof its === 'string') && [expires, lifetime].every((its) => typeof its === 'number') && [isDeadline, isUnclear].every((its) => typeof its === 'boolean')));
const isStats = (answer) => Object.values(answer).every(isCount);

/** `later` tells what a promise may be fulfilled with. */
module.exports = (native) => ({
  createDiskStore: { takes: [options], answers: ({ store, warning }) => isHandle(store) && ['string', 'undefined'].includes(typeof warning) },
  createSessionReader: { takes: [name, keys, store, found], answers: types('function') },
  createStore: { takes: [ofNumber, ofNumber, is(fc.constant(undefined)), is(fc.option(fc.double(), { nil: undefined }))], answers: isHandle },
  createTouched: { takes: [], answers: (answer) => ['forget', 'last', 'note'].every((key) => typeof answer[key] === 'function') },
  diskCheck: { takes: [path], answers: isPromise, later: isStrings },
  diskCopy: { takes: [path, path], answers: isPromise, later: nothing },
  diskLook: { takes: [path, ofNumber], answers: isPromise, later: ({ live, sessions, bytes, oldest, nextExpiry }) => [live, sessions, bytes].every(isCount) && isTime(oldest ?? null) && isTime(nextExpiry ?? null) },
  decisions: { takes: [], answers: (answer) => answer instanceof Uint8Array },
  cookieErrors: { takes: [], answers: isStrings },
  unsignCookie: { takes: [header, name, keys], answers: types('string', 'number') },
  prepareKeys: { takes: [secrets], answers: isHandle },
  signedCookieValue: { takes: [ofSid, keys], answers: types('string', 'number') },
  serializeCookie: { takes: [name, ofText, is(fc.integer({ min: 0, max: 2 ** 15 - 1 })), ofNumber, ofText, ofText, ofNumber], answers: types('string', 'number') },
  sessionId: { takes: [], answers: (answer) => /^[\w-]{32}$/.test(answer) },
  sign: { takes: [ofText, keys], answers: types('string') },
  storeRequestCalls: { takes: [store], answers: (answer) => ['renew', 'write', 'writeIfUnchanged'].every((key) => typeof answer[key] === 'function') },
  storeClear: { takes: [store], answers: nothing },
  storeClose: { takes: [store], answers: isPromise, later: nothing },
  storeCommit: { takes: [store], answers: (answer) => answer === undefined || answer === true || isUnmade(answer) },
  storeCommitNow: { takes: [store], answers: nothing },
  storeDestroy: { takes: [store, ofSid], answers: types('boolean') },
  storeEnd: { takes: [store, ofUser, ofSid, ofNumber], answers: types('boolean') },
  storeFinish: { takes: [store], answers: isPromise, later: isUnmade },
  storeGet: { takes: [store, ofSid, ofNumber, ofBoolean], answers: (answer) => answer === undefined || typeof answer === 'string' || typeof answer.text === 'string' },
  storeClassify: { takes: [store, ofSid, any, ofBoolean, ofNumber, ofNumber], answers: nothing },
  storeLength: { takes: [store, ofNumber], answers: isCount },
  storeLengthLater: { takes: [store, ofNumber], answers: isPromise, later: isCount },
  storeWait: { takes: [store], answers: isPromise, later: nothing },
  storeMaintain: { takes: [store, ofNumber], answers: isPromise, later: nothing },
  storeLastChange: { takes: [store], answers: isCount },
  storeMoment: { takes: [store], answers: isCount },
  storePeek: { takes: [store, ofSid], answers: types('string', 'undefined') },
  storePrune: { takes: [store, ofNumber, ofNumber], answers: types('boolean') },
  storePruneLater: { takes: [store, ofNumber, ofNumber], answers: isPromise, later: types('boolean') },
  storePut: { takes: [store, ofSid, ofCookie, ofData, ofNumber, ofNumber], answers: types('number') },
  storePutIfUnchanged: { takes: [store, ofSid, ofData, is(fc.option(cookieText, { nil: undefined })), ofData, ofNumber, ofNumber], answers: among(0, 1, 2) },
  storeSessionsOf: { takes: [store, ofUser, ofNumber], answers: isListed },
  storeSet: { takes: [store, ofSid, any, ofNumber, ofNumber], answers: types('boolean') },
  storeSetRaw: { takes: [store, ofSid, any, ofNumber, ofNumber], answers: types('boolean') },
  storeSids: { takes: [store], answers: isStrings },
  storeSidsAfter: { takes: [store, fc.oneof(ofSid, is(fc.constant(undefined))), ofNumber], answers: isStrings },
  storeStats: { takes: [store], answers: isStats },
  storeStatsLater: { takes: [store], answers: isPromise, later: isStats },
  storeTakeRemoved: { takes: [store], answers: (answer) => answer.every((one) => typeof one.sid === 'string' && typeof one.text === 'string' && one.reason <= native.REMOVED_DESTROYED) },
  storeTouch: { takes: [store, ofSid, ofCookie, ofNumber, ofNumber], answers: among(0, 1, 2, 4) },
  storeUnclassified: { takes: [store, ofNumber, ofNumber], answers: (answer) => isStrings(answer.sids) && isCount(answer.next) },
  storeWasDestroyed: { takes: [store, ofSid, ofNumber], answers: types('boolean') },
  unsign: { takes: [fc.oneof(ofText, handle('signed')), keys], answers: (answer) => answer === false || typeof answer === 'string' },
  // The functions that others make, bound to what they were made with.
  enter: { takes: [header, ofNumber], answers: (answer) => typeof answer === 'string' || (answer >= 0 && answer <= native.ASK_STORE) },
  forget: { takes: [ofSid], answers: Number.isNaN },
  last: { takes: [ofSid], answers: types('number') },
  note: { takes: [ofSid, ofNumber], answers: types('number') },
  renew: { takes: [ofSid, ofNumber, ofNumber, ofNumber, ofNumber], answers: among(0, 1, 2, 4) },
  write: { takes: [ofSid, ofNumber, ofNumber, ofNumber, ofNumber, ofData], answers: among(0, 2, 3) },
  writeIfUnchanged: { takes: [ofSid, ofNumber, ofNumber, ofNumber, ofData, ofData, ofNumber], answers: among(0, 1, 2) },
});
