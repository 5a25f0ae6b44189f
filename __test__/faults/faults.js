'use strict';

const { createClient } = require('redis');

const { pause } = require('./crowd');

/** How long Redis is frozen, in ms. */
const FREEZE = 5000;

/** How long anything else is out of order at least, in ms. */
const OUTAGE = 800;

/** What Redis gets to use besides what it has, in bytes, and what that is filled with. */
const ROOM = 8 * 1024 * 1024;
const BALLAST = [256 * 1024, 1024];

/**
 * What happens to the site. Each is over when it returns, and throws if it did not
 * happen: a fault that does not hurt shows nothing.
 *
 * @typedef {(stage: import('./stage'), probe: import('./browser'), round: number) => Promise<void>} Fault
 *   `probe` is logged in
 * @type {Record<string, Fault>}
 */
const faults = {
  async 'Redis ends and starts again'(stage, probe) {
    await away(stage, probe, 'SIGTERM', 'ended with status 0');
  },

  async 'Redis is killed and starts again'(stage, probe) {
    await away(stage, probe, 'SIGKILL', 'ended by SIGKILL');
  },

  async 'Redis is frozen for 5 seconds'({ redis }, probe) {
    const thaw = () => redis.signal('SIGCONT');

    // A frozen program does not take the SIGTERM that it is sent when this process ends.
    process.once('exit', thaw);
    redis.signal('SIGSTOP');
    try {
      // It is the system that freezes it, soon.
      await pause(100);
      await unserved(probe, pause(FREEZE));
    } finally {
      thaw();
      process.off('exit', thaw);
    }
  },

  async 'Redis has no memory left'({ redis }, probe) {
    const client = createClient({ url: redis.url });

    client.on('error', () => {});
    await client.connect();
    try {
      const ballast = await fill(client);

      for (const end = Date.now() + OUTAGE; Date.now() < end; await pause(5)) {
        // Sessions come and go: the room that they leave is filled, too.
        await ballast.top();
      }
      // What it has, it still tells.
      if (!await probe.read()) throw new Error('not even reading works');
      await ballast.drop();
    } finally {
      await client.close();
    }
  },

  async 'a process is killed'(stage, probe, round) {
    const program = stage.processes[round % stage.processes.length];

    program.signal('SIGKILL');
    await ended(program, 'ended by SIGKILL');
  },
};

/** Redis ends by a signal, is away, and is started again. */
async function away(stage, probe, signal, how) {
  const { redis } = stage;

  redis.signal(signal);
  await ended(redis, how);
  await unserved(probe, pause(OUTAGE));
  await stage.startRedis();
}

async function ended(program, how) {
  const said = await program.ended;

  if (said !== how) throw new Error(`${program.name} ${said}\n${program.printed}`);
}

/** Throws if anybody is served meanwhile: then Redis was not away at all. */
async function unserved(probe, meanwhile) {
  const served = probe.read().then((isServed) => {
    // An error is no service: it is what there is to be until the end.
    if (!isServed) return meanwhile.then(() => false);
    return true;
  });

  if (await Promise.race([served, meanwhile.then(() => false)])) throw new Error('served without Redis');
}

/** Fills the memory up to a limit, which is where Redis refuses to write. */
async function fill(client) {
  const { used_memory: used } = Object.fromEntries((await client.info('memory')).split('\r\n').map((line) => line.split(':')));
  const keys = [];
  const top = async () => {
    for (const size of BALLAST) {
      while (await fits(client, `ballast:${keys.length}`, 'x'.repeat(size))) keys.push(`ballast:${keys.length}`);
    }
  };

  await client.configSet({ maxmemory: String(Number(used) + ROOM), 'maxmemory-policy': 'noeviction' });
  await top();
  // Not the limit is lifted, but what is too much goes.
  return { top, drop: () => client.del(keys) };
}

async function fits(client, key, value) {
  try {
    await client.set(key, value);
    return true;
  } catch (error) {
    if (error.message.startsWith('OOM')) return false;
    throw error;
  }
}

module.exports = faults;
