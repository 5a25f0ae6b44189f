'use strict';

const { EventEmitter, once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');

const startNginx = require('./nginx');
const { HOST, freePort } = require('../../test-kit/port');
const { Program } = require('../../test-kit/program');
const { discard, temporaryFolder } = require('../../test-kit/folder');
const { startRedis } = require('../../test-kit/redis');

const SERVER = path.join(__dirname, 'server.js');

/**
 * Redis, the app's processes and nginx before them.
 *
 * Emits `lost` with a process of the app that ended by itself, and `failed` with
 * a line that says why when the site cannot go on.
 */
class Site extends EventEmitter {
  /** @type {Program[]} those that run, each with its `number`, its `port` and the file that is its `session` package */
  processes = [];
  started = 0;
  isOpen = false;
  isStopping = false;

  /**
   * @param {object} options
   * @param {number} options.processes how many
   * @param {string} options.secret they share
   * @param {number} [options.port] of nginx; any free one without it
   * @returns {Promise<Site>} rejected, with all stopped, if a part does not start
   */
  static async start({ processes, secret, port }) {
    const site = new Site(secret);
    const failed = once(site, 'failed').then(([why]) => { throw new Error(why); });

    try {
      await Promise.race([site.open(processes, port), failed]);
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  constructor(secret) {
    super();
    this.secret = secret;
    this.folder = temporaryFolder('express-session-redis');
  }

  async open(processes, port) {
    // Nothing is kept: the folder goes when the example ends. On a server that stays, use
    // --appendonly yes: without it, a restart of Redis forgets every session.
    this.redis = this.essential(await startRedis({ folder: this.folderOf('redis') }));
    await Promise.all(Array.from({ length: processes }, () => this.run()));

    // Only now, so that a port that is free is likely to stay so.
    this.port = await freePort(port);
    this.url = `http://${HOST}:${this.port}/`;
    this.nginx = this.essential(await startNginx(this.folderOf('nginx'), this.port, this.ports()));
    this.isOpen = true;
  }

  folderOf(name) {
    const folder = path.join(this.folder, name);

    fs.mkdirSync(folder);
    return folder;
  }

  /** Starts one more process, which gets its share of the requests from then on. */
  async add() {
    const added = await this.run();

    this.nginx.balance(this.ports());
    return added;
  }

  async run() {
    const number = ++this.started;
    const program = new Program(process.execPath, [SERVER], {
      env: { SECRET: this.secret, REDIS_URL: this.redis.url, REDIS_CLUSTER: '', PORT: '0', NUMBER: String(number) },
      // Its errors are for whoever runs the site.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });

    program.name = `process ${number}`;
    this.processes.push(program);
    program.ended.then((how) => this.lose(program, how));

    const { port, session } = await program.message();

    return Object.assign(program, { number, port, session });
  }

  ports() {
    return this.processes.map(({ port }) => port);
  }

  /** nginx asks the others by itself: it need not be told. */
  lose(program, how) {
    this.processes = this.processes.filter((other) => other !== program);
    // One that does not even start is an error of start() or add().
    if (this.isStopping || !this.isOpen) return;
    this.emit('lost', program, how);
    if (this.processes.length === 0) this.emit('failed', 'no process of the app is left');
  }

  essential(program) {
    program.ended.then((how) => {
      if (!this.isStopping) this.emit('failed', `${program.name} ${how}`);
    });
    return program;
  }

  /** From the front to the back, so that what is still asked can be answered. */
  async stop() {
    this.isStopping = true;
    // QUIT lets nginx finish what it has; on TERM it would drop it.
    await this.nginx?.stop('SIGQUIT');
    await Promise.all(this.processes.map((program) => program.stop()));
    await this.redis?.stop();
    discard(this.folder);
  }
}

module.exports = Site;
