'use strict';

const fs = require('node:fs');
const path = require('node:path');
const run = require('./run');

const root = path.join(__dirname, '..', '..');
const NAME = 'express-session-rs';
const ALIAS = 'express-session';

/** Exact versions, so that a release of one of these does not fail the tests of this. */
const DEPENDENCIES = {
  express: '5.1.0',
  memorystore: '1.6.8',
  'session-file-store': '1.5.0',
  'connect-loki': '1.2.0',
  lowdb: '1.0.0',
  'lowdb-session-store': '1.1.1',
  redis: '5.12.1',
  '@types/express': '5.0.6',
  '@types/node': '20.19.43',
};

const YARN_4 = ['npx', '--yes', '--package=@yarnpkg/cli-dist@4', 'yarn', 'install'];

/** Commands, and what a project has to say to them beside its package.json. */
const INSTALLERS = {
  npm: { command: ['npm', 'install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'] },
  'pnpm 9': { command: ['npx', '--yes', 'pnpm@9', 'install', '--no-lockfile'] },
  'pnpm 12': {
    command: ['npx', '--yes', 'pnpm@12', 'install', '--no-lockfile'],
    files: (overrides) => ({ 'pnpm-workspace.yaml': JSON.stringify({ overrides }) }),
  },
  // Its usual cache would give the tarball of the last run, whose version is the same. To Yarn,
  // what is in `resolutions` is no longer optional, so that other platforms' must not stop it.
  'yarn 1': { command: ['npx', '--yes', 'yarn@1', 'install', '--no-lockfile', '--non-interactive', '--ignore-platform', '--cache-folder', '.yarn'] },
  'yarn 4': { command: YARN_4, files: () => yarn4('node-modules') },
  'yarn 4, Plug\'n\'Play': {
    command: YARN_4,
    files: () => yarn4('pnp'),
    nodeOptions: (folder) => `--require ${JSON.stringify(path.join(folder, '.pnp.cjs'))}`,
  },
};

function yarn4(nodeLinker) {
  const settings = { nodeLinker, enableTelemetry: false, globalFolder: '.yarn/own', enableImmutableInstalls: false };
  // A lock file makes the folder a project of its own.
  return { '.yarnrc.yml': JSON.stringify(settings), 'yarn.lock': '' };
}

/** A project of a user's. */
class Project {
  /**
   * @param {{ folder: string, redis?: string, packages: object }} place
   * @param {object} options
   * @param {string} options.name by which the project asks for the package
   * @param {string} [options.installer] one of INSTALLERS
   * @param {'commonjs' | 'module'} [options.type]
   * @param {object} [options.dependencies] more of them
   * @param {boolean} [options.overrides] whether `express-session` is this package for all others
   */
  constructor({ folder, redis, packages }, { name, installer = 'npm', type = 'commonjs', dependencies, overrides = false }) {
    this.folder = fs.mkdtempSync(path.join(folder, 'project-'));
    this.name = name;
    this.installer = INSTALLERS[installer];
    this.type = type;
    this.env = { ...process.env, ...(redis ? { TEST_REDIS_URL: redis } : {}) };
    // npm gave them to this script, and they would speak for this repository.
    for (const key of Object.keys(this.env)) if (/^npm_(lifecycle|package)_/.test(key)) delete this.env[key];
    const main = `file:${packages.main}`;
    // The registry would have the packages of the platforms.
    const replaced = overrides ? { [ALIAS]: main } : {};
    for (const [each, file] of Object.entries(packages.platforms)) replaced[each] = `file:${file}`;
    const manifest = {
      name: 'a-project',
      private: true,
      type,
      dependencies: {
        ...DEPENDENCIES,
        // It asks for express-session itself; 10 would want a Node.js of 22.
        'connect-redis': '9.0.0',
        [name]: main,
        ...dependencies,
      },
      // Each installer has its own word for it.
      overrides: replaced,
      pnpm: { overrides: replaced },
      resolutions: replaced,
    };
    this.write('package.json', JSON.stringify(manifest, null, 2));
    for (const [file, text] of Object.entries(this.installer.files?.(replaced) ?? {})) this.write(file, text);
    fs.copyFileSync(path.join(__dirname, 'visit.js'), path.join(this.folder, type === 'module' ? 'visit.cjs' : 'visit.js'));
  }

  async install() {
    const [command, ...args] = this.installer.command;
    await this.run(command, args);
    const { nodeOptions } = this.installer;
    if (nodeOptions) this.env.NODE_OPTIONS = nodeOptions(this.folder);
    /** Plug'n'Play leaves no folders, which are what TypeScript 7 reads types from. */
    this.hasFolders = !nodeOptions;
  }

  /** @param {string[]} args of Node.js */
  node(...args) {
    return this.run(process.execPath, args);
  }

  run(command, args, options) {
    return run(command, args, { cwd: this.folder, env: this.env, ...options });
  }

  /** Starts the example app, which has the package in place of this checkout. */
  async example() {
    const app = path.join(this.folder, 'app');
    fs.cpSync(path.join(root, 'examples', 'app'), app, { recursive: true });
    // What a project of modules says of its own files is not for these.
    fs.writeFileSync(path.join(app, 'package.json'), '{ "type": "commonjs" }');
    const files = fs.readdirSync(app).filter((name) => name.endsWith('.js')).map((name) => path.join(app, name));
    const changed = files.filter((file) => {
      const text = fs.readFileSync(file, 'utf8');
      const own = text.replaceAll("require('../..')", `require('${this.name}')`);
      fs.writeFileSync(file, own);
      return own !== text;
    });
    if (changed.length === 0) throw new Error('the example no longer loads this checkout');
    await this.node(path.join(__dirname, 'example.js'));
  }

  /**
   * Compiles programs of the type tests, with no setting of a careful program left out.
   * @param {string[]} files
   */
  async types(files) {
    const fixtures = path.join(root, '__test__', 'types', 'fixtures');
    for (const file of [...files, 'augment.ts', 'same.ts']) {
      const text = fs.readFileSync(path.join(fixtures, file), 'utf8');
      this.write(file, text.replace(/'express-session(?=['/])/g, `'${this.name}`));
    }
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
    };
    this.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await this.node(tsc, '--pretty', 'false', '-p', this.folder);
  }

  /** @param {string} file */
  write(file, text) {
    fs.writeFileSync(path.join(this.folder, file), text);
  }
}

module.exports = { Project, NAME, ALIAS, root };
