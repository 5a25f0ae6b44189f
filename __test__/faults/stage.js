'use strict';

const fs = require('node:fs');
const path = require('node:path');

const startNginx = require('../../examples/redis/nginx');
const { discard, temporaryFolder } = require('../../test-kit/folder');
const { HOST, freePort } = require('../../test-kit/port');
const { Program } = require('../../test-kit/program');
const { startRedis } = require('../../test-kit/redis');

const APP = path.join(__dirname, 'app.js');
const PROCESSES = 2;

/**
 * With `always`, Redis answers a write when it is on the disk. What it has
 * answered is then there again after any restart, and none of that is by luck: the kit's
 * Redis writes no other file from which it might come.
 */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

/** Redis, two processes of the app, and nginx before them: all of which may be hurt. */
class Stage {
  /**
   * @param {Record<string, string>} env for the app's processes: see app.js
   * @returns {Promise<Stage>} rejected, with all stopped, if a part does not start
   */
  static async start(env) {
    const stage = new Stage(env);

    try {
      await stage.open();
    } catch (error) {
      await stage.stop();
      throw error;
    }
    return stage;
  }

  constructor(env) {
    this.env = { SUBJECT: '', OFFLINE_QUEUE: '', STORE_TIMEOUT: '', SLOW: '', PLANT: '', ...env };
    this.folder = temporaryFolder('express-session-faults');
    /** @type {(Program & { port: number })[]} */
    this.processes = [];
  }

  async open() {
    this.redisFolder = this.folderOf('redis');
    this.redisPort = await freePort();
    await this.startRedis();

    const ports = [];

    for (let i = 0; i < PROCESSES; i++) ports.push(await freePort());
    await Promise.all(ports.map((port, i) => this.startProcess(i, port)));

    const port = await freePort();

    this.url = `http://${HOST}:${port}`;
    this.nginx = await startNginx(this.folderOf('nginx'), port, ports);
  }

  folderOf(name) {
    const folder = path.join(this.folder, name);

    fs.mkdirSync(folder);
    return folder;
  }

  /** With what is in its folder, on the port of before. */
  async startRedis() {
    this.redis = await startRedis({ folder: this.redisFolder, port: this.redisPort, settings: DURABLE });
  }

  /** Starts a process of the app; in the place of one that was killed, with its port. */
  async startProcess(i, port = this.processes[i].port) {
    const program = new Program(process.execPath, [APP], {
      env: { ...this.env, SECRET: 'shared by the processes', REDIS_URL: this.redis.url, PORT: String(port), NUMBER: String(i + 1) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });

    this.processes[i] = Object.assign(program, { port });
    await program.message();
  }

  /** The URLs of the processes themselves, without nginx. */
  get doors() {
    return this.processes.map(({ port }) => `http://${HOST}:${port}`);
  }

  async stop() {
    await this.nginx?.stop();
    await Promise.all(this.processes.map((program) => program?.stop()));
    await this.redis?.stop();
    discard(this.folder);
  }
}

module.exports = Stage;
