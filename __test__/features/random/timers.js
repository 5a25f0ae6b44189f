'use strict';

/**
 * Lets the package wait for turns of the event loop instead of a few milliseconds, as turns.js counts
 * turns to see whether a request hangs. It must be loaded before the package, whose timers it replaces.
 */

const timers = require('node:timers');

const MOST_MS = 50;

const { setTimeout } = timers;
timers.setTimeout = (task, ms, ...args) => (ms <= MOST_MS ? setImmediate(task, ...args) : setTimeout(task, ms, ...args));
require('../../subject');
timers.setTimeout = setTimeout;
