'use strict';

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { createClient } = require('redis');

const { discard, temporaryFolder } = require('./folder');
const { find } = require('./installed');
const { HOST, freePort } = require('./port');
const { startRedis } = require('./redis');

const run = promisify(execFile);

const MASTERS = 3;
const REPLICAS = 1;

/** After how long without an answer a node counts as dead, in ms. The default is 15000. */
const NODE_TIMEOUT = 1000;

/** How often a node is asked whether it is so far, in ms. */
const PAUSE = 50;

/** The nodes of a Redis Cluster on this machine. */
class Nodes {
  /** @returns {Promise<Nodes>} three masters, each with a replica */
  static async start() {
    const nodes = new Nodes();

    try {
      await nodes.open();
    } catch (error) {
      await nodes.stop();
      throw error;
    }
    return nodes;
  }

  list = [];
  folder = temporaryFolder('express-session-cluster');

  async open() {
    for (let i = 0; i < MASTERS * (1 + REPLICAS); i++) {
      const node = { folder: path.join(this.folder, String(i)), port: await freePort(), bus: await freePort() };

      fs.mkdirSync(node.folder);
      this.list.push(node);
      await this.run(node);
    }

    await run(find('redis-cli'), [
      '--cluster', 'create', ...this.list.map(({ port }) => `${HOST}:${port}`),
      '--cluster-replicas', String(REPLICAS), '--cluster-yes',
    ]);
    await this.whole();
  }

  /** Starts a node, or starts it again with what it knows of the others. */
  async run(node) {
    node.program = await startRedis({
      folder: node.folder,
      port: node.port,
      settings: [
        '--cluster-enabled', 'yes', '--cluster-port', String(node.bus), '--cluster-node-timeout', String(NODE_TIMEOUT),
        // Otherwise the master waits five seconds for more replicas to come.
        '--repl-diskless-sync-delay', '0',
      ],
    });
    node.client = createClient({ url: node.program.url });
    // A killed node: nobody asks it any more.
    node.client.on('error', () => {});
    await node.client.connect();
  }

  get urls() {
    return this.list.map(({ program }) => program.url);
  }

  get living() {
    return this.list.filter(({ program }) => program && !program.over.signal.aborted);
  }

  /** Until every living node says that all slots are served, and every replica has what its master has. */
  async whole() {
    for (const node of this.living) {
      while (!await this.isSettled(node)) await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
  }

  async isSettled({ client }) {
    const info = await client.sendCommand(['CLUSTER', 'INFO']);
    const { role, ...replication } = await this.replication(client);

    if (!info.includes('cluster_state:ok') || !info.includes(`cluster_size:${MASTERS}`)) return false;
    if (role === 'slave') return replication.master_link_status === 'up';

    // The replicas tell every second how far they are.
    const offsets = Object.entries(replication).filter(([key]) => /^slave\d+$/.test(key))
      .map(([, text]) => /offset=(\d+)/.exec(text)[1]);

    return offsets.every((offset) => offset === replication.master_repl_offset);
  }

  async replication(client) {
    const text = await client.info('replication');

    return Object.fromEntries(text.split('\r\n').filter((line) => line.includes(':')).map((line) => {
      const at = line.indexOf(':');

      return [line.slice(0, at), line.slice(at + 1)];
    }));
  }

  /** @returns {Promise<Map<object, Set<string>>>} for each master its keys */
  async masters() {
    const masters = new Map();

    for (const node of this.living) {
      const { role } = await this.replication(node.client);

      if (role === 'master') masters.set(node, new Set(await node.client.keys('*')));
    }
    return masters;
  }

  /** Kills a master whose replica has all it has, and waits until that has taken its place. */
  async kill(master) {
    await this.whole();
    process.kill(master.program.pid, 'SIGKILL');
    await master.program.ended;
    master.client.destroy();
    while ((await this.masters()).size < MASTERS) await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    await this.whole();
  }

  async stop() {
    for (const { client } of this.living) client?.destroy();
    await Promise.all(this.list.map(({ program }) => program?.stop()));
    discard(this.folder);
  }
}

module.exports = Nodes;
