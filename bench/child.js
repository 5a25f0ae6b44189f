'use strict';

const { fork } = require('node:child_process');
const path = require('node:path');

/**
 * A file of this folder in a process of its own. It says when it is ready, and
 * then answers one question at a time.
 */
class Child {
  /**
   * @param {string} file
   * @param {object} task its first argument, as JSON
   * @param {string[]} [pin] a command that starts it, such as `taskset -c 0`
   */
  constructor(file, task, pin = []) {
    const env = { ...process.env };
    delete env.DEBUG;
    const [command, ...before] = [...pin, process.execPath, '--expose-gc'];
    this.process = fork(path.join(__dirname, file), [JSON.stringify(task)], {
      env,
      execPath: command,
      execArgv: before,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.name = `${file} ${JSON.stringify(task)}`;
  }

  /** What it says next. @returns {Promise<any>} */
  answer() {
    return new Promise((resolve, reject) => {
      const onMessage = (message) => {
        this.process.off('exit', onExit);
        resolve(message);
      };
      const onExit = (status) => {
        this.process.off('message', onMessage);
        reject(new Error(`${this.name} ended with ${status}`));
      };
      this.process.once('message', onMessage);
      this.process.once('exit', onExit);
    });
  }

  ask(question) {
    const answer = this.answer();
    this.process.send(question);
    return answer;
  }

  async end() {
    if (this.process.connected) this.process.disconnect();
    await this.ended;
  }
}

module.exports = Child;
