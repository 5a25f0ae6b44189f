'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * Why an addon was not loaded. The `code` is that of Node.js. The `fault` is set by load.js:
 * `damage` of the file, a `stub` in place of an addon, or another `version`.
 *
 * @typedef {Error & { code?: string, fault?: 'damage' | 'stub' | 'version' }} LoadError
 */

/**
 * The errors of the addons that are there, but cannot be loaded, by the place of the addon:
 * `variable` for the file that the environment variable names, `built` for the file in the
 * package's folder, `package` for the platform's package, and `bundle` for a bundle that includes
 * the addon.
 *
 * @typedef {{ variable?: LoadError, built?: LoadError, package?: LoadError, bundle?: LoadError }} LoadErrors
 */

/**
 * Makes the error of a package whose addon cannot be loaded. Its message says which platform this
 * is, where the addon was looked for, what to do, and what Node.js has reported.
 *
 * @param {object} attempt
 * @param {string} attempt.platform
 * @param {string} attempt.version of this package
 * @param {string} attempt.root the folder of this package
 * @param {string} attempt.file the path of an addon that was built on this machine
 * @param {string} [attempt.variable] the value of NAPI_RS_NATIVE_LIBRARY_PATH. If it is set, no
 *   other place counts
 * @param {boolean} attempt.isBundle whether a bundler has put this package into another file
 * @param {LoadErrors} attempt.errors
 * @returns {NodeJS.ErrnoException}
 */
function failure({ platform, version, root, file, variable, isBundle, errors }) {
  const name = `express-session-rs-${platform}`;
  /** @type {LoadError[]} */
  const causes = Object.values(errors);
  const places = variable ? `${variable}, which NAPI_RS_NATIVE_LIBRARY_PATH names` : `${isBundle ? '' : `${file} and `}the package ${name}`;
  /** @type {NodeJS.ErrnoException} */
  const error = new Error(
    `express-session-rs: the native addon for ${platform} ${causes.length > 0 ? 'cannot be loaded' : 'is missing'}. ` +
    `Looked for ${places}. ${remedies({ name, version, root, variable, isBundle, errors })}` +
    (causes.length > 0 ? ` The loader said: ${causes.map(({ message }) => message).join('; ')}` : ''),
    causes.length > 0 ? { cause: causes[0] } : undefined,
  );
  error.code = 'ERR_EXPRESS_SESSION_RS_NATIVE';
  return error;
}

/**
 * Returns what the user can do, in sentences.
 *
 * @param {{ name: string, version: string, root: string, variable?: string, isBundle: boolean, errors: LoadErrors }} attempt
 *   `name` is that of the platform's package
 */
function remedies({ name, version, root, variable, isBundle, errors }) {
  /** @type {LoadError[]} */
  const causes = Object.values(errors);
  // This Node.js would refuse any other addon, too.
  if (causes.some(({ code }) => code === 'ERR_DLOPEN_DISABLED')) {
    return 'This Node.js was told to load no addons: start it without --no-addons and, where it has --permission, with --allow-addons.';
  }
  if (variable) return 'Set that variable to an addon of this version, or unset it.';
  if (causes.some(({ fault }) => fault === 'stub') || isBundle) {
    return 'If a bundler bundled this package, keep it out of the bundle, as an external package that is shipped in node_modules, ' +
      'or let the bundler copy .node files: esbuild does so with --loader:.node=copy, webpack with node-loader.';
  }
  // A checkout of the repository has its own command that builds.
  const setup = path.join(root, 'scripts', 'setup.js');
  if (fs.existsSync(setup)) return `To build it: install Rust (https://rustup.rs), then run node "${setup}".`;

  const build = `install Rust (https://rustup.rs), then run ${command(root)}.`;
  if (causes.length === 0) return `${installOrBuild({ name, version })}; or build it: ${build}`;
  const ways = [];
  if (errors.built) ways.push(`Build it again: ${build}`);
  // Installers do not replace a package that is there, even if it is damaged.
  if (errors.package?.fault) ways.push(`Remove node_modules and install again, which brings ${name}@${version}.`);
  else if (errors.package) ways.push(`To build one that this system can load: ${build}`);
  return ways.join(' ');
}

/**
 * Returns the command that builds the addon. The form with the path is for a copy whose command
 * no package manager has linked, such as one below another package.
 *
 * @param {string} root
 */
function command(root) {
  if (process.versions.pnp) return '"yarn express-session-rs build"';
  return `"npx express-session-rs build" (or node "${path.join(root, 'bin', 'express-session-rs.js')}" build)`;
}

/** @param {{ name: string, version: string }} platformPackage */
function installOrBuild({ name, version }) {
  /** @type {{ name: string, optionalDependencies?: Record<string, string> }} */
  const { optionalDependencies } = require('../../package.json');
  // A release adds these dependencies. The repository, from which git installs, has none.
  if (!optionalDependencies) return 'This copy does not come from npm and contains no binary: either install the package from npm';
  if (!optionalDependencies[name]) return 'There is no binary for this platform: either use a platform that the README lists';
  return `Either install again with optional dependencies, which bring ${name}@${version}`;
}

module.exports = failure;
