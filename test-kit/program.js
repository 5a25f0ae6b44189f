'use strict';

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { Missing, find } = require('./installed');
const { listening } = require('./port');

/** How long a server may take until it listens, in ms. */
const PATIENCE = 60000;

/** How long a program may take to end once it is told to, in ms. */
const GRACE = 15000;

/** How much is kept at least of what a program printed last to each stream, in characters. */
const KEPT = 2 ** 23;

/** How much of that an error tells, in characters. */
const TOLD = 2000;

/** @type {Set<Program>} */
const running = new Set();
let isWatched = false;

/** However this process ends, short of SIGKILL, nothing that it started is left behind. */
function watch() {
  if (isWatched) return;
  isWatched = true;
  process.on('exit', () => {
    for (const program of running) program.signal(program.endedBy);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Who has a handler of his own ends this process himself.
    process.on(signal, () => { if (process.listenerCount(signal) === 1) process.exit(1); });
  }
}

/** A program that runs beside this one until it ends or is stopped, by its process id. */
class Program {
  /** What it printed last. */
  stdout = '';
  stderr = '';
  /** Aborts when the program has ended. */
  over = new AbortController();

  /**
   * @param {string} name a program's name, or its path
   * @param {string[]} args
   * @param {import('node:child_process').SpawnOptions & { endedBy?: NodeJS.Signals, source?: string }} [options]
   *   `env` is added to this process's, and what is undefined there is taken away; what goes to a pipe of `stdio` is kept; `endedBy`
   *   is the signal on which it ends, and `source` is the command that installs it
   * @throws {Missing} if it is not installed
   */
  constructor(name, args, { env, endedBy = 'SIGTERM', source, ...options } = {}) {
    const file = find(name);
    if (!file) throw new Missing(name, source);
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: { ...process.env, ...env },
      // A terminal sends Ctrl-C to the whole group: these are stopped in order instead.
      detached: process.platform !== 'win32',
    });
    this.name = name;
    this.child = child;
    this.pid = child.pid;
    this.endedBy = endedBy;
    for (const stream of ['stdout', 'stderr']) {
      child[stream]?.setEncoding('utf8').on('data', (text) => {
        this[stream] += text;
        if (this[stream].length > 2 * KEPT) this[stream] = this[stream].slice(-KEPT);
      });
    }
    /** How it ended, in words. @type {Promise<string>} */
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', () => this.#clear());
      // By now, all that it printed has been read.
      child.on('close', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with status ${code}`));
    });
    this.ended.then(() => {
      running.delete(this);
      this.over.abort();
    });
    if (this.pid === undefined) return;
    watch();
    running.add(this);
  }

  /** What it printed last, as an error tells it. */
  get printed() {
    return (this.stdout + this.stderr).trim().slice(-TOLD);
  }

  /** Rejects, with what the program printed, if it ends before the promise is settled. */
  until(promise) {
    const early = this.ended.then((how) => {
      throw new Error([`${this.name} ${how}`, this.printed].filter(Boolean).join('\n'));
    });
    return Promise.race([promise, early]);
  }

  /** Waits until it accepts connections. */
  listening(port) {
    return this.until(listening(port, { signal: this.over.signal, patience: PATIENCE }));
  }

  /**
   * Waits until it has printed something to its standard output.
   * @param {RegExp} pattern
   * @returns {Promise<RegExpExecArray>}
   */
  async prints(pattern) {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found) return found;
      await this.until(once(this.child.stdout, 'data'));
    }
  }

  /** Waits for its next message, which it sends through the channel `ipc`. @returns {Promise<any>} */
  async message() {
    const [message] = await this.until(once(this.child, 'message'));
    return message;
  }

  /** Sends it a message, and waits for the next one that it sends. @returns {Promise<any>} */
  ask(question) {
    const answer = this.message();
    this.child.send(question);
    return answer;
  }

  /** Says `stop`, on which it is to close its channel and to end, and returns when it has. */
  async dismiss() {
    // It may end by itself at this moment. Node.js tells no `close` of a channel that is closed here.
    if (this.child.connected) this.child.send('stop', () => {});
    await this.ended;
  }

  /** A killed nginx leaves its workers behind. They are of its group, which is its own. */
  #clear() {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // As it should be: nobody is left.
    }
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Ends it, and returns when it has ended. */
  async stop(signal = this.endedBy) {
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), GRACE);
    await this.ended;
    clearTimeout(timer);
  }
}

/**
 * Starts a server and waits until it accepts connections.
 * @param {string} name as of Program
 * @param {string[]} args
 * @param {{ port: number }} options `port` is where it listens; the others are those of Program
 * @returns {Promise<Program & { port: number }>}
 * @throws {Missing} if it is not installed; an Error with what it printed if it does not come to listen
 */
async function startServer(name, args, { port, ...options }) {
  const server = Object.assign(new Program(name, args, options), { port });
  try {
    await server.listening(port);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/**
 * Runs a program to its end.
 * @param {string} name as of Program
 * @param {string[]} args
 * @param {object} [options] those of Program
 * @returns {Promise<{ status: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string }>}
 * @throws {Missing} if it is not installed
 */
async function run(name, args, options) {
  const program = new Program(name, args, options);
  await program.ended;
  const { stdout, stderr, child: { exitCode: status, signalCode: signal } } = program;
  return { status, signal, stdout, stderr };
}

module.exports = { Program, startServer, run };
