'use strict';

/** Three workers that run the app on one port. On the message `replace` others take their places. */
const cluster = require('node:cluster');
const { once } = require('node:events');

const WORKERS = 3;

if (cluster.isPrimary) {
  const fork = async () => (await once(cluster.fork(), 'message'))[0];
  const forkAll = async () => {
    const [{ port }] = await Promise.all(Array.from({ length: WORKERS }, fork));
    return port;
  };
  forkAll().then((port) => { process.send({ port }); });
  process.on('message', async () => {
    const old = Object.values(cluster.workers);
    for (const worker of old) {
      const ended = once(worker, 'exit');
      worker.process.kill('SIGKILL');
      await Promise.all([ended, fork()]);
    }
    process.send('replaced');
  });
} else {
  require('./app');
}
