'use strict';

const { answer, failure } = require('../answer');
const Expiring = require('../expiring');
const { strict, unknown } = require('../unknown');

const COLLECTION = 'dbs/sessionstore/colls/sessions';
const NOT_FOUND = 404;

/** Double of a `DocumentClient` of documentdb: one collection, and its stored procedures. */
function createClient() {
  const documents = new Expiring();
  const procedures = {};
  return strict('documentdb', {
    createDatabase(_body, callback) {
      answer(callback, () => undefined);
    },
    createCollection(_link, _body, callback) {
      answer(callback, () => undefined);
    },
    upsertStoredProcedure(link, { id, serverScript }, callback) {
      // They travel as text.
      answer(callback, () => { procedures[`${link}/sprocs/${id}`] = String(serverScript); });
    },
    /** Parameters may be missing. */
    executeStoredProcedure(link, ...rest) {
      const callback = rest.pop();
      answer(callback, () => execute(procedures[link], rest[0] ?? [], documents));
    },
    queryDocuments(_link, { query, parameters: [, { value }] }) {
      if (query !== 'SELECT * FROM d WHERE d[@attr] = @value') throw unknown('documentdb', query);
      return {
        toArray(callback) {
          answer(callback, () => documents.values().filter(({ type }) => type === value));
        },
      };
    },
    readDocument(link, callback) {
      answer(callback, () => found(documents.get(link)));
    },
    deleteDocument(link, callback) {
      answer(callback, () => { found(documents.delete(link) || undefined); });
    },
    upsertDocument(_link, document, callback) {
      answer(callback, () => {
        const _self = `${COLLECTION}/docs/${document.id}`;
        documents.set(_self, { ...document, _self }, document.ttl ? document.ttl * 1000 : undefined);
      });
    },
  });
}

function found(document) {
  if (document === undefined) throw Object.assign(failure('not found', NOT_FOUND), { body: 'not found' });
  return document;
}

/** The server runs them with what it offers in a variable of two underscores. */
function execute(script, params, documents) {
  let body;
  const server = strict('documentdb', {
    response: strict('documentdb', {
      setBody(value) {
        body = value;
      },
    }),
    filter(wanted, _options, callback) {
      callback(undefined, documents.values().filter(wanted), {});
      return true;
    },
    deleteDocument(link, callback) {
      documents.delete(link);
      callback();
      return true;
    },
  });
  new Function('__', `return (${script})`)(server)(...params);
  return { ...body };
}

module.exports = createClient;
