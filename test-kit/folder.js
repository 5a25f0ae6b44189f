'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

/** Those that go with this process. @type {Set<string>} */
const lasting = new Set();

/**
 * Makes a folder that is removed when the test ends; without a test, when this process does.
 * @param {string} name what its name begins with
 * @param {{ after: (remove: () => void) => void }} [t] the test
 * @returns {string} its path, in which no part is a link
 */
function temporaryFolder(name, t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`)));
  if (t) {
    t.after(() => discard(folder));
  } else {
    if (lasting.size === 0) process.once('exit', () => { for (const each of lasting) discard(each); });
    lasting.add(folder);
  }
  return folder;
}

/** Removes a folder of this process earlier than at its end. */
function discard(folder) {
  // A program that is about to end may still write.
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  lasting.delete(folder);
}

module.exports = { temporaryFolder, discard };
