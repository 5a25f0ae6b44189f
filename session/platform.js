'use strict';

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

function isMusl() {
  try {
    return !process.report.getReport().header.glibcVersionRuntime;
  } catch {
    return false;
  }
}

module.exports = { platformName, isMusl };
