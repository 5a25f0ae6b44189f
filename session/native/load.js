'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('./platform');

/** That of package.json, and so the addon's: one of another version has other functions. */
const VERSION = '1.19.0';
/** Bytes of the header of an ELF file, and at least those of its last section's. */
const HEADER = 64;

const root = path.join(__dirname, '..', '..');
/** Whether a bundler has put this file into another, so that nothing of the package is beside it. */
const isBundle = !__dirname.endsWith(path.join('session', 'native'));

/**
 * The addon, or one error that says what is missing and how to get it.
 *
 * Not by the loader that `napi build` can write (`build` in package.json makes none): Node.js
 * takes three times as long to read that one as to load the addon itself.
 */
module.exports = load();

function load() {
  const platform = platformName();
  const file = path.join(root, `express-session-rs.${platform}.node`);
  // napi-rs's name for it, in the loaders that it writes.
  const given = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  const errors = {};
  let addon;
  if (given) {
    addon = attempt('given', errors, loadFile, path.resolve(given));
  } else {
    const isBuilt = !isBundle && fs.existsSync(file);
    // What was built on this machine comes first: somebody had a reason to build it.
    if (isBuilt) addon = attempt('built', errors, loadFile, file);
    addon ??= attempt('brought', errors, fromPlatformPackage, platform);
    if (!isBuilt) addon ??= attempt('bundled', errors, fromBundle);
  }
  if (addon) return addon;
  throw require('./failure')({ platform, version: VERSION, root, file, given, isBundle, errors });
}

/** The addon that one of these ways leads to. Keeps an error for the one that is thrown. */
function attempt(way, errors, find, argument) {
  try {
    return find(argument);
  } catch (error) {
    errors[way] = error;
    return undefined;
  }
}

/**
 * The addon in a file of this machine.
 * @param {string} file
 * @param {number} [size] in bytes, if it is known
 */
function loadFile(file, size) {
  checkWhole(file, size);
  return checkVersion(require(file), file);
}

/** The addon that the platform's package brings. A bundle has it, but no such package. */
function fromPlatformPackage(platform) {
  const name = `express-session-rs-${platform}`;
  const file = fileOf(name);
  return file === undefined ? checkVersion(required(platform), name) : loadFile(file, sizeOf(file));
}

function fileOf(name) {
  try {
    return require.resolve(name);
  } catch (error) {
    // The package is there, but not the file that its package.json names.
    if (error.path) throw loadError('damage', `${path.dirname(error.path)} has no addon file`);
    return undefined;
  }
}

/** The size that the package of an addon says it has, in bytes. A release writes it there. */
function sizeOf(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8')).binarySize;
  } catch {
    return undefined;
  }
}

/**
 * Those of package.json's `napi.targets`. Each in a `require` of its own and all within
 * a `try`, as programs that bundle others' files want it for what may be missing.
 */
function required(platform) {
  try {
    switch (platform) {
      case 'linux-x64-gnu': return require('express-session-rs-linux-x64-gnu');
      case 'linux-arm64-gnu': return require('express-session-rs-linux-arm64-gnu');
      case 'linux-x64-musl': return require('express-session-rs-linux-x64-musl');
      case 'linux-arm64-musl': return require('express-session-rs-linux-arm64-musl');
      case 'darwin-x64': return require('express-session-rs-darwin-x64');
      case 'darwin-arm64': return require('express-session-rs-darwin-arm64');
      case 'win32-x64-msvc': return require('express-session-rs-win32-x64-msvc');
      case 'win32-arm64-msvc': return require('express-session-rs-win32-arm64-msvc');
    }
  } catch (error) {
    return ignoreMissing(error);
  }
}

/** What was built on the machine that made a bundle: bin/build.js writes this for bundlers. */
function fromBundle() {
  try {
    return checkVersion(require('../../built'), 'the built addon');
  } catch (error) {
    return ignoreMissing(error);
  }
}

/** Passes over that there is no such file. */
function ignoreMissing(error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
}

/**
 * @param {unknown} addon what `require` gave; undefined for nothing
 * @param {string} from the file or the package, for the error
 * @returns {object | undefined} the addon
 * @throws {Error} if it is that of another version, or none: bundlers give the name of a file
 */
function checkVersion(addon, from) {
  if (addon === undefined || addon?.VERSION === VERSION) return addon;
  if (typeof addon?.sessionId !== 'function') throw loadError('stub', `${from} is not an addon, but a value of type ${typeof addon}`);
  throw loadError('version', `${from} has ${addon.VERSION ? `version ${addon.VERSION}` : 'an older version'}, but this package has version ${VERSION}`);
}

/**
 * Throws unless the file of an addon is whole. A system maps a library without a look at its
 * end, and a process that reads beyond that is ended by a signal.
 *
 * @param {string} file
 * @param {number} [size] in bytes, if it is known; else an ELF file says where it ends
 */
function checkWhole(file, size) {
  let opened;
  try {
    opened = fs.openSync(file, 'r');
    const bytes = Buffer.allocUnsafe(HEADER + 1);
    const end = size ?? elfEnd(bytes, fs.readSync(opened, bytes, 0, HEADER, 0));
    // One more than there should be. Of a file of another kind nothing is known.
    const count = end === undefined ? HEADER : fs.readSync(opened, bytes, 0, HEADER + 1, Math.max(0, end - HEADER));
    if (count < HEADER || (count > HEADER && end === size)) {
      throw damaged(file, opened, ` but should have ${end === size ? '' : 'at least '}${end}`);
    }
    // As files are after a loss of power. Those of other systems may end so.
    if (process.platform === 'linux' && bytes.latin1Slice(0, HEADER) === '\0'.repeat(HEADER)) throw damaged(file, opened, ' and its end was not written');
  } catch (error) {
    throw error.fault ? error : loadError('damage', `${file} cannot be read: ${error.message}`);
  } finally {
    if (opened !== undefined) fs.closeSync(opened);
  }
}

/** Where an ELF file ends, by the header that it begins with: with the headers of its sections. */
function elfEnd(bytes, count) {
  // No addon is shorter.
  if (count < HEADER) return HEADER;
  if (bytes.latin1Slice(0, 4) !== '\x7fELF') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const [isWide, isLittle] = [bytes[4] === 2, bytes[5] === 1];
  const start = isWide ? Number(view.getBigUint64(40, isLittle)) : view.getUint32(32, isLittle);
  const size = view.getUint16(isWide ? 58 : 46, isLittle);
  const sections = view.getUint16(isWide ? 60 : 48, isLittle);
  return start === 0 ? undefined : start + size * sections;
}

function damaged(file, opened, rest) {
  return loadError('damage', `${file} is damaged: it has ${fs.fstatSync(opened).size} bytes${rest}`);
}

function loadError(fault, message) {
  return Object.assign(new Error(message), { fault });
}
