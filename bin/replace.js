'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** What Windows answers to whoever writes over a library that a program has loaded. */
const LOADED = new Set(['EPERM', 'EACCES', 'EBUSY']);

/**
 * Puts a file in the place of another, which programs may have loaded. One with the same bytes
 * is left alone.
 *
 * @param {string} source
 * @param {string} target
 * @throws {Error} of node:fs
 */
function replace(source, target) {
  removeOld(target);
  if (isSame(source, target)) return;
  // A program that starts meanwhile must not find half a file.
  const part = `${target}.${process.pid}.part`;
  fs.copyFileSync(source, part);
  try {
    fs.renameSync(part, target);
  } catch (error) {
    if (!LOADED.has(error.code)) throw error;
    moveAway(target);
    fs.renameSync(part, target);
  } finally {
    fs.rmSync(part, { force: true });
  }
  removeOld(target);
}

/** Windows lets nobody delete a loaded library, but give it another name. */
function moveAway(target) {
  fs.renameSync(target, `${target}.${process.pid}-${Date.now()}.old`);
}

/** Those that programs have loaded to this day stay, for the next time. */
function removeOld(target) {
  const folder = path.dirname(target);
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(`${path.basename(target)}.`) || !name.endsWith('.old')) continue;
    try {
      fs.unlinkSync(path.join(folder, name));
    } catch (error) {
      if (!LOADED.has(error.code) && error.code !== 'ENOENT') throw error;
    }
  }
}

function isSame(source, target) {
  try {
    return fs.readFileSync(source).equals(fs.readFileSync(target));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

module.exports = replace;
