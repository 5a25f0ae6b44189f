'use strict';

const { answer } = require('../answer');
const Expiring = require('../expiring');
const { strict } = require('../unknown');

/** Double of @google-cloud/datastore: entities, which do not end by themselves. */
function createDatastore() {
  const entities = new Expiring();
  return strict('@google-cloud/datastore', {
    key: (path) => ({ path }),
    get(key, callback) {
      answer(callback, () => revived(entities.get(nameOf(key))));
    },
    /** An entity is given as a list of its properties. */
    save({ key, data }, callback) {
      answer(callback, () => {
        entities.set(nameOf(key), Object.fromEntries(data.map(({ name, value }) => [name, value])));
      });
    },
    delete(key, callback) {
      answer(callback, () => { entities.delete(nameOf(key)); });
    },
  });
}

function nameOf({ path }) {
  return JSON.stringify(path);
}

/** Datastore knows dates, JSON does not. */
function revived(entity) {
  return entity && { ...entity, createdAt: new Date(entity.createdAt) };
}

module.exports = createDatastore;
