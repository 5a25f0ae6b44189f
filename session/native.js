'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('./platform');

const root = path.join(__dirname, '..');

/**
 * The addon, or one error that says what is missing and how to get it.
 *
 * Not by the loader that `napi build` can write (`build` in package.json makes none): Node.js
 * takes three times as long to read that one as to load the addon itself.
 */
module.exports = load();

function load() {
  // napi-rs's name for it, in the loaders that it writes.
  const given = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  if (given) return require(given);

  const platform = platformName();
  const file = path.join(root, `express-session-rs.${platform}.node`);
  const errors = [];
  // What was built on this machine comes first: somebody had a reason to build it.
  if (fs.existsSync(file)) {
    try {
      return require(file);
    } catch (error) {
      errors.push(error);
    }
  }
  try {
    // Those of package.json's `napi.targets`. Each in a `require` of its own and all within
    // this `try`, as programs that bundle others' files want it for what may be missing.
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
    if (error.code !== 'MODULE_NOT_FOUND') errors.push(error);
  }
  throw failure({ platform, file, errors });
}

function failure({ platform, file, errors }) {
  const found = errors.length > 0;
  const name = `express-session-rs-${platform}`;
  const error = new Error(
    `express-session-rs: the native addon for ${platform} ${found ? 'cannot be loaded' : 'is missing'}. ` +
    `Looked for ${file} and the package ${name}. ${waysOut({ name, errors })}` +
    (found ? ` The loader said: ${errors.map(({ message }) => message).join('; ')}` : ''),
    found ? { cause: errors[0] } : undefined,
  );
  error.code = 'ERR_EXPRESS_SESSION_RS_NATIVE';
  return error;
}

/** `npm rebuild` would not do: what it calls this package depends on an alias. */
function waysOut({ name, errors }) {
  // Another addon would be refused as well.
  if (errors.some(({ code }) => code === 'ERR_DLOPEN_DISABLED')) {
    return 'This Node.js was told to load no addons: start it without --no-addons and, where it has --permission, with --allow-addons.';
  }
  // A checkout builds with the tools it has for that.
  const setup = path.join(root, 'scripts', 'setup.js');
  if (fs.existsSync(setup)) return `To build it: install Rust (https://rustup.rs), then run node "${setup}".`;
  const build = `install Rust (https://rustup.rs), then run node "${path.join(root, 'scripts', 'install.js')}".`;
  // To install again would bring the same, which helps only where a file was damaged.
  if (errors.length > 0) return `To build one that this system can load: ${build}`;
  return `${firstWay(name)}; or build it: ${build} ` +
    'An install does that by itself where it may run scripts, as npm 12, pnpm 10, Yarn 4.14 and newer ones let none without being asked.';
}

function firstWay(name) {
  const { version, optionalDependencies } = require('../package.json');
  // A release adds them to what it publishes: the repository, installed from git, has none.
  if (!optionalDependencies) return 'This copy is not from npm, and brings no binary: either install the package from there';
  if (!optionalDependencies[name]) return 'There is no binary for this platform: either use one that the README lists';
  return `Either install again with optional dependencies, which bring ${name}@${version}`;
}
