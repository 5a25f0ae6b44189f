'use strict';

// Where no package has a binary for the platform: one that was left out makes it so.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { NAME } = require('./project');
const run = require('./run');

const REQUIRE = ['-e', `require('${NAME}')`];

/** An install where Rust is builds the addon, and leaves nothing else behind. */
async function build(place) {
  const project = new Bare(place);
  await project.install({ rust: true });
  await project.node(REQUIRE);
  const made = project.files().filter((file) => !place.packages.files.includes(file));
  assert.deepEqual(made, [path.basename(place.packages.binary)]);
}

/** An install where Rust is not succeeds, and `require` tells what to do. */
async function tell(place) {
  const project = new Bare(place);
  await project.install({ rust: false });
  await project.mustTell();
}

/** The same where an installer runs no scripts; what the error says to run, then helps. */
async function help(place) {
  const project = new Bare(place);
  await project.install({ rust: true, args: ['--ignore-scripts'] });
  const output = await project.mustTell();
  const script = /run node "([^\n"]+)"\./.exec(output)?.[1];
  assert.ok(script, output);
  await project.run(process.execPath, [script], { env: project.environment(true) });
  await project.node(REQUIRE);
}

/** A project whose platform has no binary. */
class Bare {
  constructor({ folder, packages }) {
    this.folder = fs.mkdtempSync(path.join(folder, 'project-'));
    this.packages = packages;
    const main = `file:${packages.main}`;
    // npm 12 runs no script of a package that its project does not name here.
    const manifest = { private: true, dependencies: { [NAME]: main }, allowScripts: { [main]: true } };
    fs.writeFileSync(path.join(this.folder, 'package.json'), JSON.stringify(manifest));
  }

  install({ rust, args = [] }) {
    const install = ['install', '--no-audit', '--no-fund', '--omit=optional', ...args];
    return this.run('npm', install, { env: this.environment(rust) });
  }

  node(args) {
    return this.run(process.execPath, args);
  }

  run(command, args, options) {
    return run(command, args, { cwd: this.folder, ...options });
  }

  /** @param {boolean} rust whether there is a `cargo` to be found */
  environment(rust) {
    const env = { ...process.env };
    for (const key of Object.keys(env)) if (/^npm_(lifecycle|package)_|^CARGO_TARGET_DIR$/.test(key)) delete env[key];
    // What Rust made for the last case serves for the next.
    if (rust) return { ...env, CARGO_TARGET_DIR: path.join(this.folder, '..', 'rust') };
    const places = env.PATH.split(path.delimiter)
      .filter((place) => !['cargo', 'cargo.exe'].some((file) => fs.existsSync(path.join(place, file))));
    if (!places.includes(path.dirname(process.execPath))) {
      // Node.js and Rust are in one folder: that of another name has Node.js alone.
      const place = fs.mkdtempSync(path.join(this.folder, 'node-'));
      for (const file of ['node', 'npm']) fs.symlinkSync(path.join(path.dirname(process.execPath), file), path.join(place, file));
      places.unshift(place);
    }
    return { ...env, PATH: places.join(path.delimiter) };
  }

  files(folder = path.join(this.folder, 'node_modules', NAME), prefix = '') {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const name = prefix + entry.name;
      return entry.isDirectory() ? this.files(path.join(folder, entry.name), `${name}/`) : [name];
    });
  }

  /** `require` must throw one error, with the platform, what was looked for, and both ways out. */
  async mustTell() {
    const { output } = await this.run(process.execPath, ['-e', `
      try { require('${NAME}'); } catch (error) { console.log(error.code + '\\n' + error.message); }`]);
    const [code, message, ...more] = output.trim().split('\n');
    assert.deepEqual([code, more], ['ERR_EXPRESS_SESSION_RS_NATIVE', []], output);
    const binary = path.basename(this.packages.binary);
    const parts = [
      `the native addon for ${binary.split('.')[1]} is missing`,
      path.join(this.folder, 'node_modules', NAME, binary), `the package ${this.packages.platformName}`,
      `install again with optional dependencies, which bring ${this.packages.platformName}@`, 'https://rustup.rs',
    ];
    for (const part of parts) assert.ok(message.includes(part), `no "${part}" in: ${message}`);
    return message;
  }
}

module.exports = { build, tell, help };
