'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** The codes of the errors with which Windows refuses to replace or delete a loaded library. */
const LOADED = new Set(['EPERM', 'EACCES', 'EBUSY']);

/**
 * Replaces a file, which programs may have loaded as a library, by a copy of another file. Does
 * nothing if both have the same bytes.
 *
 * @param {string} source
 * @param {string} target the file to replace, which need not exist
 * @throws {Error} of node:fs
 */
function replace(source, target) {
  removeOld(target);
  if (isSame(source, target)) return;
  // The copy gets its name when it is whole, so that a program that starts meanwhile cannot load
  // half a file.
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

/**
 * Renames a file out of the way. Windows allows that for a loaded library, but not to delete it.
 *
 * @param {string} target
 */
function moveAway(target) {
  fs.renameSync(target, `${target}.${process.pid}-${Date.now()}.old`);
}

/**
 * Deletes the files that `moveAway` has renamed. Those that programs still have loaded stay until
 * the next call.
 *
 * @param {string} target
 */
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

/**
 * Returns whether two files have the same bytes; false if one does not exist.
 *
 * @param {string} source
 * @param {string} target
 */
function isSame(source, target) {
  try {
    return fs.readFileSync(source).equals(fs.readFileSync(target));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

module.exports = replace;
