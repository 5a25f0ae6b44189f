'use strict';

const fs = require('node:fs');

/** As much of a program as has the name of its loader, in bytes; more if it was rewritten. */
const HEAD = 4096;

/**
 * Platform, architecture and C library, as napi-rs names them in the file of an addon
 * and in the package that brings it: `linux-x64-gnu`, say.
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
 * Whether this Node.js runs on musl: asked of its own file, which names its loader
 * (ELF's PT_INTERP), since a system may have the files of both C libraries.
 *
 * @returns {boolean}
 */
function isMusl() {
  const text = head(process.execPath);
  return text.includes('/ld-musl-') || (!text.includes('/ld-linux-') && isReportedMusl());
}

/** The beginning of a file, or nothing: programs may be kept from reading it. */
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

/** The same, asked of Node.js, which takes some ms for its report. */
function isReportedMusl() {
  try {
    return !process.report.getReport().header.glibcVersionRuntime;
  } catch {
    return false;
  }
}

module.exports = { platformName, isMusl };
