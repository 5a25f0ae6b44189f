'use strict';

/**
 * Runs programs whose every step is chosen by a scheduler: what the package does later (timers,
 * `setImmediate`) and what stores answer are tasks, and only one of them runs at a time. It must be
 * loaded before the package, whose timers it replaces.
 */

const timers = require('node:timers');

const { setImmediate: realImmediate } = globalThis;
const { setTimeout: realTimeout } = timers;

/** @type {Scheduler | undefined} That runs now. */
let current;

globalThis.setImmediate = (task, ...args) => (current ? current.add(() => task(...args)) : realImmediate(task, ...args));
timers.setTimeout = (task, ms, ...args) => (current ? current.add(() => task(...args)) : realTimeout(task, ms, ...args));

class Scheduler {
  /** @param {number[]} choices of the next task, one after the other; 0, the oldest, when they are used up */
  constructor(choices) {
    this.choices = choices;
    this.tasks = [];
    this.steps = 0;
  }

  add(task) {
    this.tasks.push(task);
  }

  /** A promise that is fulfilled when the scheduler says. */
  turn() {
    return new Promise((resolve) => { this.add(resolve); });
  }

  /** Runs tasks until there are none. */
  async run() {
    current = this;
    try {
      while (this.tasks.length > 0) {
        const choice = this.choices[this.steps++] ?? 0;
        const [task] = this.tasks.splice(choice % this.tasks.length, 1);
        task();
        // Lets promises go on.
        await new Promise((resolve) => { realImmediate(resolve); });
      }
    } finally {
      current = undefined;
    }
  }
}

/** Gives the package its timers back, once it is loaded. */
function restoreTimers() {
  timers.setTimeout = realTimeout;
}

module.exports = { Scheduler, restoreTimers };
