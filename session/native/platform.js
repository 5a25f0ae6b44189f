'use strict';

const fs = require('node:fs');

/**
 * The bytes of an executable file that `isMusl` reads. They contain the name of the program's
 * loader, unless a tool has rewritten the file.
 */
const HEAD = 4096;

/**
 * Returns the platform, architecture and C library, such as `linux-x64-gnu`. napi-rs writes them
 * like this into the names of addon files and of the packages that have them.
 *
 * @returns {string}
 */
function platformName() {
  const { platform, arch } = process;
  if (platform === 'linux') {
    const libc = isMusl() ? 'musl' : 'gnu';
    return arch === 'arm' ? `linux-arm-${libc}eabihf` : `linux-${arch}-${libc}`;
  }
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

/**
 * Returns whether this Node.js runs on musl. Its own file names its loader (PT_INTERP of the ELF
 * format). The files of the system would not tell, because it may have both C libraries.
 *
 * @returns {boolean}
 */
function isMusl() {
  const text = head(process.execPath);
  return text.includes('/ld-musl-') || (!text.includes('/ld-linux-') && isReportedMusl());
}

/**
 * Returns the beginning of a file as Latin-1 text; an empty text if the file cannot be read.
 *
 * @param {string} file
 */
function head(file) {
  let open;
  try {
    open = fs.openSync(file, 'r');
    const bytes = Buffer.allocUnsafe(HEAD);
    return bytes.latin1Slice(0, fs.readSync(open, bytes, 0, HEAD, 0));
  } catch {
    return '';
  } finally {
    if (open !== undefined) fs.closeSync(open);
  }
}

/** Returns whether Node.js reports no version of glibc. To make its report takes some ms. */
function isReportedMusl() {
  try {
    const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
    return !report.header.glibcVersionRuntime;
  } catch {
    return false;
  }
}

module.exports = { platformName, isMusl };
