'use strict';

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { platformName } = require('./platform');

/** That of package.json, and so the addon's: one of another version has other functions. */
const VERSION = '1.19.0';
/** Bytes of the header of an ELF file, and at least those of its last section's. */
const HEADER = 64;

const root = path.join(__dirname, '..');
/** Whether a bundler has put this file into another, so that nothing of the package is beside it. */
const isBundle = path.basename(__dirname) !== 'session';
/** For files of which only the running program knows: bundlers leave it as it is. */
const outer = createRequire(path.resolve(__dirname, 'native.js'));

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
  for (const [way, attempt] of Object.entries(ways({ platform, file, given }))) {
    try {
      const addon = attempt();
      if (addon !== undefined) return addon;
    } catch (error) {
      errors[way] = error;
    }
  }
  throw require('./failure')({ platform, version: VERSION, root, file, given, isBundle, errors });
}

/** Where the addon may come from, one after the other. */
function ways({ platform, file, given }) {
  if (given) return { given: () => open(path.resolve(given)) };
  // What was built on this machine comes first: somebody had a reason to build it.
  if (!isBundle && fs.existsSync(file)) return { built: () => open(file), brought: () => brought(platform) };
  return { brought: () => brought(platform), bundled };
}

/** The addon in a file of this machine. */
function open(file) {
  checkWhole(file);
  return fit(outer(file), file);
}

/** The addon that the platform's package brings. In a bundle it is there, but not that package. */
function brought(platform) {
  const name = `express-session-rs-${platform}`;
  const file = fileOf(name);
  if (file !== undefined) checkWhole(file, sizeOf(file));
  return fit(required(platform), file ?? name);
}

function fileOf(name) {
  try {
    return outer.resolve(name);
  } catch (error) {
    return absent(error);
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
    return absent(error);
  }
}

/** What was built on the machine that made a bundle: bin/build.js writes this for bundlers. */
function bundled() {
  try {
    return fit(require('../built'), 'what was built');
  } catch (error) {
    return absent(error);
  }
}

/** Passes over that a package is not there. One that is there without its file is no such. */
function absent(error) {
  if (error.code !== 'MODULE_NOT_FOUND') throw error;
  // Node.js then says which package.json names that file.
  if (error.path) throw unfit('damage', `${path.dirname(error.path)} is without its addon`);
}

/**
 * @param {unknown} addon what `require` gave; undefined for nothing
 * @param {string} from the file or the package, for the error
 * @returns {object | undefined} the addon
 * @throws {Error} if it is that of another version, or none: bundlers give the name of a file
 */
function fit(addon, from) {
  if (addon === undefined || addon?.VERSION === VERSION) return addon;
  if (typeof addon?.sessionId !== 'function') throw unfit('stub', `${from} gave no addon, but a value of type ${typeof addon}`);
  throw unfit('version', `${from} is of ${addon.VERSION ? `version ${addon.VERSION}` : 'an older version'}, and this package of ${VERSION}`);
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
    // One more than the header has, for a file that is longer than its package says.
    const bytes = Buffer.allocUnsafe(HEADER + 1);
    let count = fs.readSync(opened, bytes, 0, HEADER, 0);
    const elfEnd = count < HEADER ? undefined : endOf(bytes);
    const end = size ?? elfEnd;
    if (end !== undefined) count = fs.readSync(opened, bytes, 0, HEADER + 1, Math.max(0, end - HEADER));
    if (count < HEADER || (size !== undefined && count > HEADER)) {
      throw unfit('damage', `${file} is damaged: it has ${fs.fstatSync(opened).size} bytes${end === undefined ? '' : ` instead of ${end}`}`);
    }
    // As files are after a loss of power.
    if (elfEnd !== undefined && !/[^\0]/.test(bytes.latin1Slice(0, count))) throw unfit('damage', `${file} is damaged: its end is empty`);
  } catch (error) {
    throw error.fault ? error : unfit('damage', `${file} cannot be read: ${error.message}`);
  } finally {
    if (opened !== undefined) fs.closeSync(opened);
  }
}

/** Where an ELF file ends, by its header: with the headers of its sections. */
function endOf(bytes) {
  if (bytes.latin1Slice(0, 4) !== '\x7fELF') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const [isWide, isLittle] = [bytes[4] === 2, bytes[5] === 1];
  const start = isWide ? Number(view.getBigUint64(40, isLittle)) : view.getUint32(32, isLittle);
  const size = view.getUint16(isWide ? 58 : 46, isLittle);
  const count = view.getUint16(isWide ? 60 : 48, isLittle);
  return start === 0 ? undefined : start + size * count;
}

function unfit(fault, message) {
  return Object.assign(new Error(message), { fault });
}
