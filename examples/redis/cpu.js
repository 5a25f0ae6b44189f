'use strict';

const fs = require('node:fs');

/** What Linux counts the CPU time of a process in, in ms. */
const TICK = 10;

/**
 * @param {number} pid
 * @returns {number} CPU time that this process and its children have taken, in ms; only on Linux
 */
function cpuTime(pid) {
  // The name, in parentheses, may have spaces.
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);

  return (Number(fields[11]) + Number(fields[12])) * TICK + children.reduce((sum, child) => sum + cpuTime(child), 0);
}

module.exports = cpuTime;
