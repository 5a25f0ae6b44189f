'use strict';

const { spawn } = require('node:child_process');

const { listening } = require('./port');
const { find } = require('./programs');

/** How long a program may take to end once it is told to, in ms. */
const GRACE = 5000;

/** How much is kept of what a program printed last, in characters. */
const TAIL = 2000;

const running = new Set();

// However this process ends, short of SIGKILL: nothing is left behind.
process.on('exit', () => {
  for (const program of running) program.signal('SIGTERM');
});

/** A program that runs beside this one until it is told to stop. */
class Program {
  /**
   * @param {string} name a program's name, or the path of one
   * @param {string[]} args
   * @param {{ env?: Record<string, string>, stdio?: string[] }} [options]
   *   `env` is added to this process's; what goes to a pipe of `stdio` is kept
   */
  constructor(name, args, { env, stdio = ['ignore', 'pipe', 'pipe'] } = {}) {
    const child = spawn(find(name) || name, args, {
      env: { ...process.env, ...env },
      stdio,
      // A terminal sends Ctrl-C to the whole group: these are stopped in order instead.
      detached: true,
    });

    this.name = name;
    this.child = child;
    this.pid = child.pid;
    this.printed = '';
    this.over = new AbortController();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8');
      stream?.on('data', (text) => { this.printed = (this.printed + text).slice(-TAIL); });
    }

    /** How it ended, in words. @type {Promise<string>} */
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => resolve(error.message));
      child.on('exit', () => this.clear());
      // By now, all that it printed has been read.
      child.on('close', (code, signal) => {
        resolve(signal ? `ended by ${signal}` : `ended with status ${code}`);
      });
    });
    this.ended.then(() => {
      running.delete(this);
      this.over.abort();
    });
    if (this.pid !== undefined) running.add(this);
  }

  /** Rejects, with what the program printed, if it ends before the promise is settled. */
  async until(promise) {
    const early = this.ended.then((how) => {
      throw new Error([`${this.name} ${how}`, this.printed.trim()].filter(Boolean).join('\n'));
    });

    return Promise.race([promise, early]);
  }

  /** Waits until it accepts connections. */
  listening(port) {
    return this.until(listening(port, this.over.signal));
  }

  /** A killed nginx leaves its workers behind. They are of its group, which is its own. */
  clear() {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // As it should be: nobody is left.
    }
  }

  signal(name) {
    this.child.kill(name);
  }

  async stop(signal = 'SIGTERM') {
    this.signal(signal);

    const timer = setTimeout(() => this.signal('SIGKILL'), GRACE);

    await this.ended;
    clearTimeout(timer);
  }
}

module.exports = Program;
