'use strict';

const { AsyncResource } = require('node:async_hooks');
const debug = require('debug')('express-session');

/** How long a store may take to answer for a request, in ms. No entry: as long as it likes. */
const limits = new WeakMap();

/** Marks the functions that `answer` made. */
const ANSWER = Symbol('answer');

/** Nothing was thrown. */
const NOTHING = Symbol('nothing');

/**
 * What a store is given to call back. Whatever the store does, `callback` is called
 * once, in the async context of whoever asked, and with an error if the store does not
 * answer within the request's `storeTimeout`.
 *
 * @param {object | undefined} req
 * @param {(error?: Error, ...results: any[]) => any} callback
 * @returns {(error?: Error, ...results: any[]) => any}
 */
function answer(req, callback) {
  // What is no function is the store's to refuse.
  if (typeof callback !== 'function' || callback[ANSWER]) return callback;
  // Clients with a pool of connections call back from the context that opened one.
  const asker = new AsyncResource('express-session', { requireManualDestroy: true });
  let isOpen = true;
  let thrown = NOTHING;
  let timer;

  function answered(...results) {
    if (isOpen) {
      isOpen = false;
      clearTimeout(timer);
    } else if (thrown !== NOTHING && results[0] === thrown) {
      // The store took what `callback` threw for an error of its own. Nobody else
      // hears of it, so it is told.
      thrown = NOTHING;
    } else {
      debug('the store has answered before, or too late: ignored');
      return undefined;
    }
    try {
      return asker.runInAsyncScope(callback, this, ...results);
    } catch (error) {
      thrown = error;
      throw error;
    }
  }
  answered[ANSWER] = true;

  const limit = req && limits.get(req);
  if (limit !== undefined) timer = setTimeout(answered, limit, new StoreTimeout(limit));
  return answered;
}

/**
 * Bounds the answers of stores to questions of a request.
 * @param {object} req
 * @param {number} ms
 */
function limitAnswers(req, ms) {
  limits.set(req, ms);
}

module.exports = { answer, limitAnswers };

/** A store has not answered in time. */
class StoreTimeout extends Error {
  /** @param {number} ms */
  constructor(ms) {
    super(`session store did not answer within ${ms} ms`);
    this.name = 'StoreTimeout';
    this.code = 'ERR_SESSION_STORE_TIMEOUT';
    // What Express answers with: RFC 9110 section 15.6.4, Service Unavailable.
    this.status = 503;
  }
}
