'use strict';

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');

/** Linux leaves out what signals do by default, for the first process of a namespace. */
const COMMAND = ['unshare', '--pid', '--fork', '--kill-child=KILL'];

// Nothing is measured: this only turns a program that never ends into a failure.
const WATCHDOG_MS = 60000;

const isAllowed = process.platform === 'linux' && spawnSync(COMMAND[0], [...COMMAND.slice(1), 'true']).status === 0;

/**
 * Runs a Node.js program as the first process of a container does: as process 1 of a
 * namespace of its own, or as any other where this system does not let one have that.
 *
 * @param {string[]} args of Node.js
 * @param {object} options of `spawn`
 */
function asInit(args, options) {
  const [command, ...all] = [...(isAllowed ? COMMAND : []), process.execPath, ...args];
  const child = spawn(command, all, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => { output += text; });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  /** To the program itself: `unshare` hands no signal on. */
  const kill = (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const [pid] = isAllowed ? fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').match(/\d+/) ?? [] : [];
    process.kill(pid === undefined ? child.pid : Number(pid), signal);
  };
  const timer = setTimeout(kill, WATCHDOG_MS, 'SIGKILL');
  child.on('exit', () => clearTimeout(timer));

  return {
    ended,
    kill,
    /** The first match of a pattern in what the program prints. */
    printed: (pattern) => new Promise((resolve, reject) => {
      const look = () => pattern.test(output) && resolve(pattern.exec(output));
      child.stdout.on('data', look);
      ended.then(({ code, signal }) => reject(new Error(`ended by ${code ?? signal}: ${output}`)), reject);
      look();
    }),
  };
}

module.exports = { asInit, isAllowed };
