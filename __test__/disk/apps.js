'use strict';

/** Starts apps whose sessions are in one file, and visits them. */
const path = require('node:path');
const { Visitor } = require('../../test-kit/client');
const { temporaryFolder } = require('../../test-kit/folder');
const { Program } = require('../../test-kit/program');

const APP = path.join(__dirname, 'app.js');

/**
 * @param {import('node:test').TestContext} t
 * @returns {string} the path of a file that is not there, in a folder that goes with the test
 */
const newFile = (t) => path.join(temporaryFolder('disk', t), 'sessions.db');

/**
 * Starts an app in a process of its own.
 * @param {import('node:test').TestContext} t the app ends with it
 * @param {string} file
 * @param {object} [settings]
 * @param {object} [settings.options] of the store
 * @param {Record<string, string>} [settings.env]
 * @param {string[]} [settings.args] of Node.js, and the program
 * @param {string} [settings.program] the program that is started
 * @returns {Promise<Program & { port: number }>}
 */
async function startApp(t, file, { options = {}, env, args = [APP], program = process.execPath } = {}) {
  const app = new Program(program, args, {
    env: { FILE: file, OPTIONS: JSON.stringify(options), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    endedBy: 'SIGKILL',
  });
  t.after(() => app.stop());
  const { port } = await app.message();
  return Object.assign(app, { port });
}

/** A visitor who can go from one app to another one. */
class Guest extends Visitor {
  /** What a page says. */
  async at(app, page) {
    this.port = app.port;
    const { status, body } = await this.get(page);
    return status === 200 ? body : `${status} ${body}`;
  }
}

module.exports = { APP, Guest, newFile, startApp };
