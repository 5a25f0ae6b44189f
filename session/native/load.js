'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('./platform');

/**
 * @typedef {typeof import('../../native')} Addon
 * @typedef {import('./failure').LoadError} LoadError
 * @typedef {import('./failure').LoadErrors} LoadErrors
 */

/**
 * The version of package.json. The addon must have the same one, because an addon of another
 * version may have other functions.
 */
const VERSION = '1.19.0';
/** The bytes of an ELF file's header. The header of its last section has at least as many. */
const HEADER = 64;

const root = path.join(__dirname, '..', '..');
/** Whether a bundler has put this file into another one, so that the package's files are not beside it. */
const isBundle = !__dirname.endsWith(path.join('session', 'native'));

/**
 * The addon. If it cannot be loaded, this file throws one error that says what to do.
 *
 * `napi build` could write a loader, but Node.js takes three times as long to read that as to load
 * the addon. So `build` in package.json makes none.
 */
module.exports = load();

/** @returns {Addon} */
function load() {
  const platform = platformName();
  const file = path.join(root, `express-session-rs.${platform}.node`);
  // The loaders that napi-rs writes read this variable, too.
  const variable = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  /** @type {LoadErrors} */
  const errors = {};
  /** @type {Addon | undefined} */
  let addon;
  if (variable) {
    addon = attempt('variable', errors, loadFile, path.resolve(variable));
  } else {
    const isBuilt = !isBundle && fs.existsSync(file);
    // An addon that was built on this machine comes first, because somebody had a reason to build
    // it.
    if (isBuilt) addon = attempt('built', errors, loadFile, file);
    addon ??= attempt('package', errors, fromPlatformPackage, platform);
    if (!isBuilt) addon ??= attempt('bundle', errors, fromBundle, undefined);
  }
  if (addon) return addon;
  throw require('./failure')({ platform, version: VERSION, root, file, variable, isBundle, errors });
}

/**
 * Returns the addon that a function finds, or undefined. It puts an error of the function into
 * `errors`.
 *
 * @template T
 * @param {keyof LoadErrors} place
 * @param {LoadErrors} errors
 * @param {(argument: T) => Addon | undefined} find
 * @param {T} argument
 */
function attempt(place, errors, find, argument) {
  try {
    return find(argument);
  } catch (error) {
    errors[place] = error;
    return undefined;
  }
}

/**
 * Returns the addon in a file.
 *
 * @param {string} file
 * @param {number} [size] of the file in bytes, if it is known
 * @throws {LoadError}
 */
function loadFile(file, size) {
  checkWhole(file, size);
  return checkVersion(require(file), file);
}

/**
 * Returns the addon of the platform's package, or undefined if there is none. A bundle may contain
 * the package's module, but has no file of it.
 *
 * @param {string} platform
 * @throws {LoadError}
 */
function fromPlatformPackage(platform) {
  const name = `express-session-rs-${platform}`;
  const file = fileOf(name);
  return file === undefined ? checkVersion(required(platform), name) : loadFile(file, sizeOf(file));
}

/**
 * Returns the file of a package's addon, or undefined if there is no such package.
 *
 * @param {string} name
 * @throws {LoadError} if the package lacks the file that its package.json names
 */
function fileOf(name) {
  try {
    return require.resolve(name);
  } catch (error) {
    if (error.path) throw loadError('damage', `${path.dirname(error.path)} has no addon file`);
    return undefined;
  }
}

/**
 * Returns the size of an addon file in bytes, which a release writes into the package.json of the
 * platform's package; undefined if it is not there.
 *
 * @param {string} file
 * @returns {number | undefined}
 */
function sizeOf(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(path.dirname(file), 'package.json'), 'utf8')).binarySize;
  } catch {
    return undefined;
  }
}

/**
 * Returns the module of a platform's package, or undefined if it is missing. The packages are
 * those of `napi.targets` in package.json. Each has a `require` with a literal name, within a
 * `try`: bundlers need the first to find a module, and the second to accept that it is missing.
 *
 * @param {string} platform
 * @returns {Addon | undefined}
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

/**
 * Returns the addon that was built on the machine on which a bundle was made, or undefined.
 * bin/build.js writes the file for bundlers.
 *
 * @throws {LoadError}
 */
function fromBundle() {
  try {
    return checkVersion(require('../../built'), 'the built addon');
  } catch (error) {
    return ignoreMissing(error);
  }
}

/**
 * Throws an error unless it says that a module is missing.
 *
 * @param {NodeJS.ErrnoException} error
 * @returns {undefined}
 */
function ignoreMissing(error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
}

/**
 * Returns an addon if it has the version of this package.
 *
 * @param {Addon | undefined} addon what `require` has returned. It is no addon in a bundle whose
 *   bundler puts the name of the file in its place
 * @param {string} from the file or the package, for the error
 * @returns {Addon | undefined}
 * @throws {LoadError}
 */
function checkVersion(addon, from) {
  if (addon === undefined || addon?.VERSION === VERSION) return addon;
  if (typeof addon?.sessionId !== 'function') throw loadError('stub', `${from} is not an addon, but a value of type ${typeof addon}`);
  throw loadError('version', `${from} has ${addon.VERSION ? `version ${addon.VERSION}` : 'an older version'}, but this package has version ${VERSION}`);
}

/**
 * Throws if the file of an addon is not whole. The system maps a library into memory without a look
 * at its end. A process that reads beyond the end is killed by a signal.
 *
 * @param {string} file
 * @param {number} [size] in bytes, if it is known. Otherwise the header of an ELF file tells a
 *   size that it has at least
 * @throws {LoadError}
 */
function checkWhole(file, size) {
  /** @type {number | undefined} */
  let opened;
  try {
    opened = fs.openSync(file, 'r');
    const bytes = Buffer.allocUnsafe(HEADER + 1);
    const end = size ?? elfEnd(bytes, fs.readSync(opened, bytes, 0, HEADER, 0));
    // Reads one byte more than there should be. Without a known end, the file counts as whole.
    const count = end === undefined ? HEADER : fs.readSync(opened, bytes, 0, HEADER + 1, Math.max(0, end - HEADER));
    if (count < HEADER || (count > HEADER && end === size)) {
      throw damaged(file, opened, ` but should have ${end === size ? '' : 'at least '}${end}`);
    }
    // After a loss of power, the end of a file may be zeros. On other systems than Linux, the end of
    // a whole library may be zeros, too.
    if (process.platform === 'linux' && bytes.latin1Slice(0, HEADER) === '\0'.repeat(HEADER)) throw damaged(file, opened, ' and its end was not written');
  } catch (error) {
    throw error.fault ? error : loadError('damage', `${file} cannot be read: ${error.message}`);
  } finally {
    if (opened !== undefined) fs.closeSync(opened);
  }
}

/**
 * Returns where an ELF file ends, which is where the headers of its sections end. Returns
 * undefined if it is no ELF file or has no sections.
 *
 * @param {Buffer} bytes the beginning of the file
 * @param {number} count how many bytes were read
 */
function elfEnd(bytes, count) {
  // No addon is that short, so the file counts as damaged.
  if (count < HEADER) return HEADER;
  if (bytes.latin1Slice(0, 4) !== '\x7fELF') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const [isWide, isLittle] = [bytes[4] === 2, bytes[5] === 1];
  const start = isWide ? Number(view.getBigUint64(40, isLittle)) : view.getUint32(32, isLittle);
  const size = view.getUint16(isWide ? 58 : 46, isLittle);
  const sections = view.getUint16(isWide ? 60 : 48, isLittle);
  return start === 0 ? undefined : start + size * sections;
}

/**
 * @param {string} file
 * @param {number} opened its descriptor
 * @param {string} detail the end of the message
 */
function damaged(file, opened, detail) {
  return loadError('damage', `${file} is damaged: it has ${fs.fstatSync(opened).size} bytes${detail}`);
}

/**
 * @param {LoadError['fault']} fault
 * @param {string} message
 * @returns {LoadError}
 */
function loadError(fault, message) {
  return Object.assign(new Error(message), { fault });
}
