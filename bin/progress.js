'use strict';

/** In ms. A terminal sees the seconds go by; a log gets a line once in a while. */
const SECOND = 1000;
const WHILE = 5000;

/**
 * Says how long something has taken, for as long as it does and longer than a second.
 *
 * @template T
 * @param {string} what is done
 * @param {Promise<T>} promise
 * @param {{ isTTY?: boolean, write: (text: string) => unknown }} [stream]
 * @returns {Promise<T>} the same
 */
async function progress(what, promise, stream = process.stderr) {
  const start = Date.now();
  let width = 0;
  const timer = setInterval(() => {
    const line = `express-session-rs: ${what} for ${Math.round((Date.now() - start) / SECOND)} s`;
    width = line.length;
    stream.write(stream.isTTY ? `\r${line}` : `${line}\n`);
  }, stream.isTTY ? SECOND : WHILE);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    // The next line takes the place of this one.
    if (stream.isTTY && width > 0) stream.write(`\r${' '.repeat(width)}\r`);
  }
}

module.exports = progress;
