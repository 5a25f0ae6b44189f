'use strict';

const { strict, unknown } = require('../unknown');

const CLIENT = 'rethinkdbdash';

/** Double of rethinkdbdash: tables of documents by id, asked by chains that end in `run()`. */
function createR() {
  const tables = {};
  return strict(CLIENT, {
    tableCreate: (name) => query(() => {
      if (tables[name]) throw new Error(`Table \`${name}\` already exists`);
      tables[name] = { documents: new Map(), indexes: new Set() };
    }),
    table: (name) => tableOf(() => {
      if (!tables[name]) throw new Error(`Table \`${name}\` does not exist`);
      return tables[name];
    }),
    now: () => ({ now: true }),
  });
}

/** @param {() => { documents: Map<string, string>, indexes: Set<string> }} table */
function tableOf(table) {
  const documents = () => table().documents;
  const needed = (index) => {
    if (!table().indexes.has(index)) throw new Error(`Index \`${index}\` was not found`);
    return index;
  };
  return query(undefined, {
    indexStatus: (name) => query(() => [{ index: needed(name), ready: true }]),
    indexCreate: (name) => query(() => {
      table().indexes.add(name);
      return { created: 1 };
    }),
    count: () => query(() => documents().size),
    delete: () => query(() => {
      const deleted = documents().size;
      documents().clear();
      return { deleted };
    }),
    get: (id) => query(() => parsed(documents().get(id)), {
      delete: () => query(() => ({ deleted: Number(documents().delete(id)) })),
    }),
    insert: (document, { conflict }) => query(() => {
      if (conflict !== 'replace') throw unknown(CLIENT, `conflict ${conflict}`);
      documents().set(document.id, JSON.stringify(document));
      return { inserted: 1 };
    }),
    between: (low, high, { index }) => query(undefined, {
      delete: () => query(() => deleteBetween(documents(), low, high.now ? Date.now() : high, needed(index))),
    }),
  });
}

function deleteBetween(documents, low, high, index) {
  let deleted = 0;
  for (const [id, json] of documents) {
    const time = Date.parse(JSON.parse(json)[index]);
    if (time >= low && time < high && documents.delete(id)) deleted += 1;
  }
  return { deleted };
}

function query(run, more) {
  // Its promises are those of Bluebird. The table of rows is read where that is not installed, too.
  const Bluebird = require('bluebird');
  return strict(CLIENT, { ...(run && { run: () => Bluebird.resolve().then(run) }), ...more });
}

function parsed(json) {
  return json === undefined ? null : JSON.parse(json);
}

module.exports = createR;
