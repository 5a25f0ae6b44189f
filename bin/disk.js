'use strict';

const progress = require('./progress');

/**
 * The commands about the file of a DiskStore. Each may run while programs use the file, prints what
 * it found, and returns the exit status.
 *
 * @type {Record<string, (paths: string[], isJson: boolean) => Promise<number>>}
 */
module.exports = {
  /** Tells how much the file holds, and nothing of any one session. */
  async ls([path], isJson) {
    const { live, sessions, bytes, oldest, nextExpiry } = await progress('reading', native().diskLook(path, Date.now()));
    const found = { path, sessions: live, expired: sessions - live, bytes, oldest: iso(oldest), nextExpiry: iso(nextExpiry) };
    console.log(isJson ? JSON.stringify(found) : table(found));
    return 0;
  },

  /** Reads each page of the file, and tells what is wrong. */
  async check([path]) {
    const wrong = await progress('checking', native().diskCheck(path));
    if (wrong.length === 0) {
      console.log(`${path} is whole.`);
      return 0;
    }
    console.error(`express-session-rs: ${path} is damaged:\n${wrong.join('\n')}`);
    return 1;
  },

  /** Copies the file as it is at one moment to a new one, which only its owner may read. */
  async copy([from, to]) {
    await progress('copying', native().diskCopy(from, to));
    console.log(`${to} is a copy of ${from}.`);
    return 0;
  },
};

/** Loads the addon, which `build` must do without. */
function native() {
  return require('../session/native/load');
}

/**
 * Returns a time as text, or null if there is none.
 *
 * @param {number | null | undefined} time in ms since the epoch
 */
function iso(time) {
  return typeof time === 'number' ? new Date(time).toISOString() : null;
}

/** Returns what was found as lines for people. */
function table({ path, sessions, expired, bytes, oldest, nextExpiry }) {
  const removed = expired > 0 ? `, and ${expired} that have expired and are not removed yet` : '';
  return [
    path,
    `sessions     ${sessions}${removed}`,
    `bytes        ${bytes}`,
    `oldest       ${oldest ?? 'none'}`,
    `next expiry  ${nextExpiry ?? 'none'}`,
  ].join('\n');
}
