'use strict';

const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { promisify } = require('node:util');
const replace = require('../../bin/replace');

const root = path.join(__dirname, '..', '..');

/** Bytes of what cargo tells of its work. */
const LONGEST = 64 * 1024 * 1024;

/**
 * Builds the addon whose engine a test chooses: the exports of the package's, and those of
 * `src/engines.rs`, `src/panic.rs`, `src/parse.rs` and `src/planted.rs`. Where it is built already, that
 * takes as long as cargo takes to see it. Of two processes that ask for it one waits.
 *
 * @returns {Promise<string>} its file, for the variable `NAPI_RS_NATIVE_LIBRARY_PATH`
 * @throws {Error} with what the compiler said
 */
async function build() {
  // scripts/sanitize.js has built it, its own way.
  if (process.env.SANITIZED) return process.env.SANITIZED;
  const args = ['build', '--locked', '--manifest-path', path.join(__dirname, 'Cargo.toml'),
    '--target-dir', path.join(root, 'target'), '--message-format', 'json-render-diagnostics'];
  // From the root, for the sake of its .cargo.
  const { stdout } = await promisify(execFile)('cargo', args, { cwd: root, maxBuffer: LONGEST });
  const made = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line))
    .find(({ reason, target }) => reason === 'compiler-artifact' && target.name === 'express_session_engines');
  const [library] = made.filenames;
  const file = path.join(path.dirname(library), 'express-session-engines.node');
  replace(library, file);
  return file;
}

/** Why tests that need the addon are skipped, if they are. */
build.skip = !process.env.SANITIZED && spawnSync('cargo', ['--version']).status !== 0 && 'cargo, which builds the test addon, was not found';

module.exports = build;
