'use strict';

let started = Date.now();

/** One line that is written over, on a terminal; a line each now and then, elsewhere. */
function progress(done, all, what) {
  if (done === 0) started = Date.now();
  const seconds = Math.round((Date.now() - started) / 1000);
  const left = done > 0 ? `, ${Math.round((seconds / done) * (all - done))} s left` : '';
  const text = `${String(done).padStart(String(all).length)} of ${all}  ${seconds} s${left}  ${what}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done === all ? '' : text}`);
  else if (done % 20 === 0) process.stderr.write(`${text}\n`);
}

module.exports = progress;
