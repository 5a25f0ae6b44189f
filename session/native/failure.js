'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * The one error of a package without its addon: which platform, what was looked for, the ways
 * out, and what was found instead.
 *
 * @param {object} found
 * @param {string} found.platform
 * @param {string} found.version of this package
 * @param {string} found.root its folder
 * @param {string} found.file what a build makes
 * @param {string} [found.given] what the variable names in place of all others
 * @param {boolean} found.isBundle whether the package is in one
 * @param {Record<string, Error>} found.errors of what was there and not to be loaded: `given`,
 *   `built` here, `brought` by the platform's package, `bundled`
 * @returns {Error}
 */
function failure({ platform, version, root, file, given, isBundle, errors }) {
  const name = `express-session-rs-${platform}`;
  const found = Object.values(errors);
  const sought = given ? `${given}, which NAPI_RS_NATIVE_LIBRARY_PATH names` : `${isBundle ? '' : `${file} and `}the package ${name}`;
  const error = new Error(
    `express-session-rs: the native addon for ${platform} ${found.length > 0 ? 'cannot be loaded' : 'is missing'}. ` +
    `Looked for ${sought}. ${remedies({ name, version, root, given, isBundle, errors })}` +
    (found.length > 0 ? ` The loader said: ${found.map(({ message }) => message).join('; ')}` : ''),
    found.length > 0 ? { cause: found[0] } : undefined,
  );
  error.code = 'ERR_EXPRESS_SESSION_RS_NATIVE';
  return error;
}

function remedies({ name, version, root, given, isBundle, errors }) {
  const found = Object.values(errors);
  // Another addon would be refused as well.
  if (found.some(({ code }) => code === 'ERR_DLOPEN_DISABLED')) {
    return 'This Node.js was told to load no addons: start it without --no-addons and, where it has --permission, with --allow-addons.';
  }
  if (given) return 'Set that variable to an addon of this version, or unset it.';
  if (found.some(({ fault }) => fault === 'stub') || isBundle) {
    return 'If a bundler bundled this package, keep it out of the bundle, as an external package that is shipped in node_modules, ' +
      'or let the bundler copy .node files: esbuild does so with --loader:.node=copy, webpack with node-loader.';
  }
  // A checkout builds with the tools it has for that.
  const setup = path.join(root, 'scripts', 'setup.js');
  if (fs.existsSync(setup)) return `To build it: install Rust (https://rustup.rs), then run node "${setup}".`;

  const build = `install Rust (https://rustup.rs), then run ${command(root)}.`;
  if (found.length === 0) return `${installOrBuild({ name, version })}; or build it: ${build}`;
  const ways = [];
  if (errors.built) ways.push(`Build it again: ${build}`);
  // An installer passes over what is there.
  if (errors.brought?.fault) ways.push(`Remove node_modules and install again, which brings ${name}@${version}.`);
  else if (errors.brought) ways.push(`To build one that this system can load: ${build}`);
  return ways.join(' ');
}

/** The second for copies that no package manager links, such as those below another package. */
function command(root) {
  if (process.versions.pnp) return '"yarn express-session-rs build"';
  return `"npx express-session-rs build" (or node "${path.join(root, 'bin', 'express-session-rs.js')}" build)`;
}

function installOrBuild({ name, version }) {
  const { optionalDependencies } = require('../../package.json');
  // A release adds them to what it publishes: the repository, installed from git, has none.
  if (!optionalDependencies) return 'This copy does not come from npm and contains no binary: either install the package from npm';
  if (!optionalDependencies[name]) return 'There is no binary for this platform: either use a platform that the README lists';
  return `Either install again with optional dependencies, which bring ${name}@${version}`;
}

module.exports = failure;
