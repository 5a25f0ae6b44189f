'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { platformName } = require('../../session/native/platform');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const name = `express-session-rs.${platformName()}.node`;
const binary = process.env.NAPI_RS_NATIVE_LIBRARY_PATH ?? path.join(root, name);

/** An installed package without a binary, a `cargo` and a `rustc`. */
class Place {
  /**
   * @param {import('node:test').TestContext} t
   * @param {object} [rust]
   * @param {string} [rust.made] the library that cargo makes
   * @param {string} [rust.release] of cargo and rustc
   * @param {string} [rust.rustc] the release of rustc alone
   * @param {string} [rust.host]
   * @param {object[]} [rust.messages] what cargo tells of a build that fails
   */
  constructor(t, { made = binary, release = '99.0.0', rustc = release, host = 'of-the-test', messages } = {}) {
    this.folder = temporaryFolder('build', t);
    this.own = path.join(this.folder, 'node_modules', 'express-session-rs');
    this.file = path.join(this.own, name);
    for (const each of ['package.json', 'bin', 'session', 'Cargo.toml', 'Cargo.lock', 'src', 'core/Cargo.toml']) {
      fs.cpSync(path.join(root, each), path.join(this.own, each), { recursive: true });
    }
    this.temporary = this.makes('temporary');
    this.commands = this.makes('commands');
    this.asked = path.join(this.folder, 'asked');

    const library = path.join(this.folder, process.platform === 'darwin' ? 'made.dylib' : 'made.so');
    fs.copyFileSync(made, library);
    const told = messages ?? [{ reason: 'compiler-artifact', target: { kind: ['cdylib'] }, filenames: [library] }];
    this.rust('cargo', { release, host }, `
      require('node:fs').writeFileSync(${JSON.stringify(this.asked)}, JSON.stringify(process.env));
      if (process.env.HANGS) return setInterval(() => {}, 1000);
      console.error('cargo at work');
      for (const each of ${JSON.stringify(told)}) console.log(JSON.stringify(each));
      process.exitCode = ${messages ? 101 : 0};`);
    this.rust('rustc', { release: rustc, host }, '');
  }

  makes(...names) {
    const folder = path.join(this.folder, ...names);
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Writes a program of Rust's. It is asked for its release most of all, which a shell tells before Node.js would have started. */
  rust(of, { release, host }, text) {
    const rest = path.join(this.folder, `${of}.js`);
    fs.writeFileSync(rest, `(() => {${text}\n})();`);
    for (const each of [of, `${of}.exe`]) {
      fs.writeFileSync(path.join(this.commands, each), `#!/bin/sh
        if [ "$1" = -vV ]; then echo 'release: ${release}'; echo 'host: ${host}'; exit; fi
        exec '${process.execPath}' '${rest}' "$@"\n`, { mode: 0o755 });
    }
  }

  /** Writes a program, for a Windows that is only said to be one, too. */
  program(of, text, folder = this.commands) {
    for (const each of [of, `${of}.exe`]) {
      fs.writeFileSync(path.join(folder, each), `#!${process.execPath}\n(() => {${text}\n})();`, { mode: 0o755 });
    }
  }

  environment(env) {
    const rest = Object.fromEntries(Object.entries(process.env)
      .filter(([each]) => !/^npm_|^(NAPI_RS_NATIVE_LIBRARY_PATH|CARGO_TARGET_DIR|RUSTC|BERRY_BIN_FOLDER)$/.test(each)));
    return { ...rest, PATH: this.commands, TMPDIR: this.temporary, TEMP: this.temporary, ...env };
  }

  /** @returns {{ status: number, stdout: string, stderr: string }} */
  run(args = ['build'], env = {}) {
    const program = path.join(this.own, 'bin', 'express-session-rs.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: this.folder, encoding: 'utf8', env: this.environment(env),
    });
    assert.deepEqual(fs.readdirSync(this.temporary), []);
    return { status, stdout, stderr };
  }

  /** Runs it, and returns why nothing was built. */
  fails(env) {
    const { status, stdout, stderr } = this.run(['build'], env);
    assert.deepEqual([status, stdout, this.made()], [1, '', []], stderr);
    const [, reason] = /^express-session-rs: nothing was built: (.+)\.\n$/m.exec(stderr) ?? [];
    assert.ok(reason, stderr);
    return reason;
  }

  /** What is there beside what was installed. */
  made() {
    return fs.readdirSync(this.own).filter((each) => /\.node|^built/.test(each)).sort();
  }

  get wasAsked() {
    return fs.existsSync(this.asked);
  }
}

module.exports = { Place, root, binary, name };
