'use strict';

const { RedisStore } = require('connect-redis');
const { createCluster } = require('redis');

/** Time between two attempts to reach a whole cluster, in ms. */
const PAUSE = 500;

/**
 * A store on a Redis Cluster that outlives the loss of a master.
 *
 * `createCluster` of node-redis 5 learns of a new master only from a node that
 * answers. One that is dead does not: requests for its sessions would wait until
 * it is back. So after a lost connection this makes a new client, over and over
 * until it reaches every master, and gives it to the store. Until then, requests
 * for these sessions fail at once; all others go to the nodes that are there.
 *
 * @param {string[]} nodes URLs of some nodes, more than may be down at once
 * @returns {Promise<{ store: RedisStore, close: () => Promise<void> }>}
 */
async function openClusterStore(nodes) {
  let current = await connect(nodes);
  let isOpen = true;
  const store = new RedisStore({ client: current.client });

  follow();
  return {
    store,
    async close() {
      isOpen = false;
      await current.client.close();
    },
  };

  async function follow() {
    for (;;) {
      const error = await current.lost;

      if (!isOpen) return;
      console.error(`Redis Cluster: ${error.message}, connecting anew`);

      const old = current.client;

      current = await connectAgain(nodes);
      store.client = current.client;
      // Waits for what the living nodes have still to answer.
      old.close();
    }
  }
}

async function connectAgain(nodes) {
  for (;;) {
    try {
      return await connect(nodes);
    } catch {
      // Expected until a replica has taken over.
      await new Promise((resolve) => { setTimeout(resolve, PAUSE).unref(); });
    }
  }
}

/**
 * @param {string[]} nodes
 * @returns {Promise<{ client: object, lost: Promise<Error> }>} rejected if a master is out of reach
 */
async function connect(nodes) {
  const client = createCluster({
    rootNodes: nodes.map((url) => ({ url })),
    defaults: { socket: { reconnectStrategy: false } },
  });
  const lost = new Promise((resolve) => { client.once('node-error', resolve); });

  // A root node that is down: the next one is asked.
  client.on('error', () => {});
  try {
    await client.connect();
    // Asked each one, as connect() is content with what it knows of them.
    await Promise.all(client.masters.map(async (master) => (await client.nodeClient(master)).ping()));
  } catch (error) {
    client.close();
    throw error;
  }

  return { client, lost };
}

module.exports = openClusterStore;
