'use strict';

/**
 * The three ways through the middleware: the MemoryStore's fast one, the MemoryStore
 * asked as any store is, and a store of somebody else.
 */
const { session } = require('../subject');
const { ledger } = require('../compat/app');

const sessionId = () => require('node:crypto').randomBytes(24).toString('base64url');

const memory = (options) => {
  const store = new session.MemoryStore();
  return { options: { store, ...options }, store, sids: () => Object.keys(store.sessions), text: (sid) => store.sessions[sid], put: (sid, text) => { store.sessions[sid] = text; } };
};

const ways = {
  'the MemoryStore': () => memory(),
  // Whoever gives a genid may see when a session is made, so nothing is put off.
  'the MemoryStore with a genid': () => memory({ genid: sessionId }),
  'another store': () => {
    const store = ledger();
    return { options: { store }, store, sids: () => [...store.data.keys()], text: (sid) => store.data.get(sid), put: (sid, text) => store.data.set(sid, text) };
  },
};

module.exports = { ways };
