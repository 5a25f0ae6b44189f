'use strict';

const { createHash } = require('node:crypto');
const startHttpDouble = require('../http-double');

const CONFLICT = [409, { error: 'conflict', reason: 'Document update conflict.' }];
const MISSING = [404, { error: 'not_found', reason: 'missing' }];

/** Double of a CouchDB server: databases of documents that are changed by revision. */
function startCouchdb() {
  const databases = {};
  return startHttpDouble('CouchDB', {
    'GET /_all_dbs': () => [200, Object.keys(databases)],
    'PUT /:': ({ parts: [name] }) => {
      databases[name] = new Map();
      return [201, { ok: true }];
    },
    'GET /:/_all_docs': ({ parts: [name], query }) => {
      const withDocuments = query.get('include_docs') === 'true';
      const rows = [...databases[name]].map(([id, doc]) =>
        ({ id, key: id, value: { rev: doc._rev }, ...(withDocuments && { doc }) }));
      return [200, { total_rows: rows.length, offset: 0, rows }];
    },
    'POST /:/_bulk_docs': ({ parts: [name], body: { docs } }) => {
      const answers = docs.map((doc) => changed(databases[name], doc._id, doc));
      return [201, answers.map(([, answer]) => answer)];
    },
    'POST /:': ({ parts: [name], body }) => changed(databases[name], createHash('md5').update(JSON.stringify(body)).digest('hex'), body),
    'GET /:/:': ({ parts: [name, id] }) => {
      const doc = databases[name].get(id);
      return doc ? [200, doc] : MISSING;
    },
    'PUT /:/:': ({ parts: [name, id], body }) => changed(databases[name], id, body),
    'DELETE /:/:': ({ parts: [name, id], query }) =>
      (databases[name].has(id) ? changed(databases[name], id, { _rev: query.get('rev'), _deleted: true }) : MISSING),
  });
}

/** A change must name the revision it changes. */
function changed(documents, id, { _id, _rev, ...body }) {
  const before = documents.get(id);
  if (before?._rev !== _rev) return CONFLICT;
  const number = Number(_rev?.split('-')[0] ?? 0) + 1;
  const rev = `${number}-${createHash('md5').update(JSON.stringify(body)).digest('hex')}`;
  if (body._deleted) documents.delete(id);
  else documents.set(id, { _id: id, _rev: rev, ...body });
  return [body._deleted ? 200 : 201, { ok: true, id, rev }];
}

module.exports = startCouchdb;
