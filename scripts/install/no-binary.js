'use strict';

// Where no package has a binary for the platform: one that was left out makes it so. Each
// installer installs without a word about scripts, the error says what to do, and that helps.
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const startRegistry = require('../../__test__/registry');
const { NAME, ALIAS, root } = require('./project');
const run = require('./run');

/**
 * What a user types to install without the optional packages, and before the command of
 * a package. `tool` is what npm's own registry calls it, if it is not the npm that is here.
 */
const INSTALLERS = {
  'npm': { typed: ['npm', 'install', '--omit=optional'], command: ['npx'] },
  'npm 12': { tool: 'npm@12', typed: ['npm', 'install', '--omit=optional'], command: ['npx'] },
  'pnpm 9': { tool: 'pnpm@9', typed: ['pnpm', 'install', '--no-optional'], command: ['pnpm', 'exec'] },
  'pnpm 10': { tool: 'pnpm@10', typed: ['pnpm', 'install', '--no-optional'], command: ['pnpm', 'exec'] },
  'pnpm 12': { tool: 'pnpm@12', typed: ['pnpm', 'install', '--no-optional'], command: ['pnpm', 'exec'] },
  'yarn 1': { tool: 'yarn@1', typed: ['yarn', 'install', '--ignore-optional', '--non-interactive'], command: ['yarn'] },
  'yarn 4': { tool: '@yarnpkg/cli-dist@4', typed: ['yarn', 'install'], command: ['yarn'], linker: 'node-modules' },
  'yarn 4, Plug\'n\'Play': { tool: '@yarnpkg/cli-dist@4', typed: ['yarn', 'install'], command: ['yarn'], linker: 'pnp' },
};

/** What stands for cargo and rustc: it makes the addon that is here. */
const STAND_IN = (addon) => `#!${process.execPath}
const library = __filename + '.so';
if (process.argv[2] === '-vV') {
  console.log('release: 99.0.0');
} else {
  require('node:fs').copyFileSync(${JSON.stringify(addon)}, library);
  console.log(JSON.stringify({ reason: 'compiler-artifact', target: { kind: ['cdylib'] }, filenames: [library] }));
}`;

/**
 * @param {string} installer one of INSTALLERS
 * @param {{ name?: string, rust?: 'real' | 'stand-in' }} [options] `name`: by which the project
 *   asks for the package; `rust`: the real one compiles
 * @returns {(place: object) => Promise<void>}
 */
function builds(installer, { name = ALIAS, rust = 'stand-in' } = {}) {
  return (place) => inProject(place, { installer, name }, async (project) => {
    const command = await project.told();
    if (project.linker === 'pnp') {
      const { status, output } = await project.exec(command, { rust, mayFail: true });
      assert.equal(status, 1);
      const [, unplug] = /cannot be written \(EROFS\): .* "yarn (.+)"\.$/m.exec(output) ?? [];
      assert.ok(unplug, output);
      await project.exec(unplug);
    }
    const { output } = await project.exec(command, { rust });
    const [, file] = /^express-session-rs: built (.+)\.$/m.exec(output) ?? [];
    assert.equal(path.basename(file ?? ''), path.basename(place.packages.binary), output);
    const left = fs.readdirSync(path.dirname(file)).filter((each) => !place.packages.files.some((known) => known.split('/')[0] === each));
    assert.deepEqual(left.filter((each) => !['node_modules', '.ready'].includes(each)).sort(), ['built.js', path.basename(file)]);
    await project.node(`require('${name}')`);
  });
}

/** Where there is no Rust, the command says that. */
function withoutRust(place) {
  return inProject(place, { installer: 'npm', name: NAME }, async (project) => {
    const { status, output } = await project.exec(await project.told(), { rust: 'none', mayFail: true });
    assert.equal(status, 1);
    assert.match(output, /nothing was built: cargo was not found in PATH, without the folders in node_modules: install Rust \(https:\/\/rustup\.rs\)\.$/m);
  });
}

async function inProject({ folder, packages }, { installer, name }, use) {
  const registry = await startRegistry();
  try {
    for (const tarball of [packages.main, ...Object.values(packages.platforms)]) registry.takes(tarball);
    for (const each of ['debug', 'depd', 'ms']) registry.brings(path.join(root, 'node_modules', each));
    const project = new Bare({ ...INSTALLERS[installer], folder: fs.mkdtempSync(path.join(folder, 'project-')), packages, name, registry: registry.url });
    await project.install();
    await use(project);
  } finally {
    registry.close();
  }
}

/** A project whose platform has no binary. */
class Bare {
  constructor(options) {
    Object.assign(this, options);
  }

  async install() {
    const { folder, name, tool, linker, registry } = this;
    if (tool) {
      const place = path.join(folder, '.tool');
      fs.mkdirSync(place);
      await run('npm', ['install', '--prefix', place, '--no-audit', '--no-fund', tool], { cwd: place });
      this.programs = path.join(place, 'node_modules', '.bin');
    }
    const write = (file, text) => fs.writeFileSync(path.join(folder, file), text);
    write('package.json', JSON.stringify({ private: true, dependencies: { [name]: name === NAME ? '^1.19.0' : `npm:${NAME}@^1.19.0` } }));
    // pnpm 12 does not ask the variables of npm.
    write('.npmrc', `registry=${registry}\naudit=false\nfund=false\n`);
    if (linker) {
      write('yarn.lock', '');
      // No option leaves out what is optional.
      write('.yarnrc.yml', JSON.stringify({
        nodeLinker: linker, npmRegistryServer: registry, unsafeHttpWhitelist: ['127.0.0.1'], globalFolder: '.yarn/own',
        enableTelemetry: false, enableImmutableInstalls: false, supportedArchitectures: { os: ['aix'] },
      }));
    }
    const { output } = await this.run(this.typed);
    assert.doesNotMatch(output, /\bscripts?\b/i);
  }

  /** The command that the error of `require` names, which must be all that it should be. */
  async told() {
    const { output } = await this.node(`
      try { require('${this.name}'); } catch (error) { console.log(error.code + '\\n' + error.message); }`);
    const [code, message, ...more] = output.trim().split('\n');
    assert.deepEqual([code, more], ['ERR_EXPRESS_SESSION_RS_NATIVE', []], output);
    const { binary, platformName } = this.packages;
    const parts = [
      `the native addon for ${path.basename(binary).split('.')[1]} is missing`, path.basename(binary), `the package ${platformName}`,
      `install again with optional dependencies, which bring ${platformName}@`, 'https://rustup.rs',
    ];
    for (const part of parts) assert.ok(message.includes(part), `no "${part}" in: ${message}`);
    const [, asked, command] = /run "(npx|yarn) (express-session-rs build)"/.exec(message) ?? [];
    assert.equal(asked, this.linker === 'pnp' ? 'yarn' : 'npx', message);
    return command;
  }

  /** Runs a command of a package, as this installer has it. */
  exec(command, options) {
    return this.run([...this.command, ...command.split(' ')], options);
  }

  node(program) {
    return this.run([process.execPath, '-e', program], {
      env: this.linker === 'pnp' ? { NODE_OPTIONS: `--require ${JSON.stringify(path.join(this.folder, '.pnp.cjs'))}` } : {},
    });
  }

  run([program, ...args], { rust = 'none', env, ...options } = {}) {
    const command = this.programs && program !== process.execPath ? path.join(this.programs, program) : program;
    return run(command, args, { cwd: this.folder, env: { ...this.environment(rust), ...env }, ...options });
  }

  /**
   * A target directory with what scripts/setup.js has built, for this platform by name, as napi
   * asks for it: cargo takes the crates from the registry as they are there, and compiles ours,
   * which are in another folder here.
   */
  builtCrates() {
    const [, host] = /^host: (.+)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }));
    const target = path.join(this.folder, '.target');
    for (const built of ['release', path.join(host, 'release')]) {
      fs.cpSync(path.join(root, 'target', built), path.join(target, built), { recursive: true, preserveTimestamps: true });
    }
    return { CARGO_TARGET_DIR: target, CARGO_BUILD_TARGET: host };
  }

  /** @param {'real' | 'stand-in' | 'none'} rust what there is of it */
  environment(rust) {
    const env = { ...process.env };
    for (const key of Object.keys(env)) if (/^npm_|^CARGO_TARGET_DIR$/.test(key)) delete env[key];
    Object.assign(env, {
      CI: '', npm_config_registry: this.registry, YARN_REGISTRY: this.registry,
      npm_config_cache: path.join(this.folder, '.cache'), npm_config_store_dir: path.join(this.folder, '.pnpm'), YARN_CACHE_FOLDER: path.join(this.folder, '.yarn'),
    });
    if (rust === 'real') return { ...env, ...this.builtCrates() };
    const has = (place, ...files) => files.some((file) => fs.existsSync(path.join(place, file)));
    const places = env.PATH.split(path.delimiter).filter((place) => !has(place, 'cargo', 'cargo.exe'));
    const own = fs.mkdtempSync(path.join(this.folder, 'commands-'));
    // Where Node.js and Rust are in one folder.
    for (const file of ['node', 'npm', 'npx']) {
      if (!places.some((place) => has(place, file))) fs.symlinkSync(path.join(path.dirname(process.execPath), file), path.join(own, file));
    }
    if (rust === 'stand-in') {
      for (const file of ['cargo', 'rustc']) fs.writeFileSync(path.join(own, file), STAND_IN(this.packages.binary), { mode: 0o755 });
    }
    return { ...env, PATH: [own, ...places].join(path.delimiter) };
  }
}

module.exports = { builds, withoutRust };
