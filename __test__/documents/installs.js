'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { root } = require('./blocks');
const run = require('./run');
const { tried } = require('./typescript');

/** No registry but that of the test, and no cache but its own. */
function environment({ url }, folder) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (/^npm_/i.test(name)) delete env[name];
  return {
    ...env,
    npm_config_registry: url, YARN_REGISTRY: url,
    npm_config_cache: path.join(folder, '.cache'), YARN_CACHE_FOLDER: path.join(folder, '.yarn'),
    npm_config_store_dir: path.join(folder, '.pnpm'),
    npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false',
  };
}

const npm = (args, folder, registry) => run('npm', args, { cwd: folder, env: environment(registry, folder), shell: process.platform === 'win32' });

/** What `npm run` may be followed by. Only looked up: those scripts are tests themselves, and take long. */
const { scripts } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));

/** What a project has before the commands of a block run. */
const projects = {
  '': {},
  'in a project that has it': { 'express-session-rs': '^1.19.0' },
  'in a project with memorystore': { 'express-session': '1.19.0', 'memorystore': '*' },
  'a binary that is missing': { 'express-session-rs': '^1.19.0' },
};

/** Runs each command of a block, one after the other. */
async function shell({ text, mark }, folder, registry) {
  assert.ok(Object.hasOwn(projects, mark), `no way to run: ${mark}`);
  const dependencies = projects[mark];
  if (dependencies.memorystore) registry.bringAll('memorystore');
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', dependencies }));
  const isMissing = mark === 'a binary that is missing';
  if (Object.keys(dependencies).length > 0) await succeed(npm(['install', ...(isMissing ? ['--omit=optional'] : [])], folder, registry));
  if (isMissing) await assert.rejects(load('express-session-rs', folder), /the native addon for .* is missing[^]*ERR_EXPRESS_SESSION_RS_NATIVE/);
  for (const line of commands(text)) {
    const words = line.split(/ +/);
    const known = /^npm run ([\w:]+)(?: -- .*)?$/.exec(line);
    if (known) {
      assert.ok(Object.hasOwn(scripts, known[1]), `there is no script ${known[1]}`);
      continue;
    }
    assert.match(line, /^npm (install|uninstall)( [\w@/:=.-]+| --\w+=\w+)*$/, `no way to run: ${line}`);
    for (const name of ['express', 'connect-redis', 'redis']) if (words.includes(name)) registry.bringAll(name);
    await succeed(npm(words.slice(1), folder, registry));
    for (const name of ['express-session-rs', 'express-session']) {
      if (words.some((word) => word === name || word.startsWith(`${name}@npm:`))) await load(name, folder);
    }
    const [, os, cpu, libc] = /--os=(\w+) --cpu=(\w+) --libc=(\w+)$/.exec(line) ?? [];
    if (os) {
      const binary = `express-session-rs-${os}-${cpu}-${libc === 'glibc' ? 'gnu' : libc}`;
      assert.deepEqual(fs.readdirSync(path.join(folder, 'node_modules')).filter((each) => /-rs-/.test(each)), [binary]);
    }
  }
  // What the program goes on to write is this package now.
  if (dependencies['express-session']) await load('express-session', folder);
  if (isMissing) await load('express-session-rs', folder);
}

function commands(text) {
  const lines = text.split('\n').map((line) => line.replace(/ +#.*$/, '').trim()).filter(Boolean);
  assert.ok(lines.length > 0);
  return lines;
}

async function succeed(running) {
  const { status, stdout, stderr } = await running;
  assert.equal(status, 0, stdout + stderr);
}

async function load(name, folder) {
  const program = `if (!('stats' in require('${name}').MemoryStore.prototype)) throw new Error('not this package');`;
  const { status, stderr } = await run(process.execPath, ['-e', program], { cwd: folder });
  assert.equal(status, 0, stderr);
}

/** A package.json is installed, beside a package that brings its own express-session. */
async function json({ text, mark }, folder, registry) {
  const value = JSON.parse(text);
  if (value.compilerOptions) return tried({ ...value, mark });
  assert.ok(value.dependencies, 'no way to run this JSON');
  value.dependencies['brings-its-own'] = '1.0.0';
  assert.ok(Object.hasOwn(tools, mark || 'npm'), `no way to run: ${mark}`);
  for (const tool of tools[mark || 'npm']) {
    const project = fs.mkdtempSync(path.join(folder, 'project-'));
    fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', ...value }));
    const { status, stdout, stderr } = await tool(project, registry);
    assert.equal(status, 0, stdout + stderr);
    await load('express-session', project);
    await loadBrought(project);
  }
}

async function loadBrought(folder) {
  const program = `
    const { createRequire } = require('module');
    const from = require('fs').realpathSync('node_modules/brings-its-own/package.json');
    if (!('stats' in createRequire(from)('express-session').MemoryStore.prototype)) throw new Error('its own');`;
  const { status, stderr } = await run(process.execPath, ['-e', program], { cwd: folder });
  assert.equal(status, 0, stderr);
}

/** A pnpm-workspace.yaml, beside the alias. */
async function yaml({ text }, folder, registry) {
  const overrides = /^overrides:$/m.test(text);
  const dependencies = { 'express-session': 'npm:express-session-rs@^1.19.0', ...(overrides && { 'brings-its-own': '1.0.0' }) };
  // 11 as well, but that does not run on Node.js 20.
  for (const version of ['pnpm@10', 'pnpm@12']) {
    const project = fs.mkdtempSync(path.join(folder, 'project-'));
    fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', dependencies }));
    fs.writeFileSync(path.join(project, 'pnpm-workspace.yaml'), text);
    // pnpm 12 does not ask the variables of npm.
    fs.writeFileSync(path.join(project, '.npmrc'), `registry=${registry.url}\n`);
    const { status, stdout, stderr } = await fetched(version)(project, registry);
    assert.equal(status, 0, `${version}: ${stdout}${stderr}`);
    await load('express-session', project);
    if (overrides) await loadBrought(project);
  }
}

/**
 * A tool that npm's own registry has, whatever the one of the test has.
 * @param {string} spec as npm takes it
 * @param {{ args?: string[], env?: (url: string) => object, files?: object }} [more]
 */
function fetched(spec, { args = [], env = () => ({}), files = {} } = {}) {
  return async (folder, registry, words = ['install']) => {
    const place = path.join(registry.folder, spec.replace('/', '+'));
    if (!fs.existsSync(place)) {
      fs.mkdirSync(place);
      const { status, stdout, stderr } = await run('npm', ['install', '--prefix', place, '--no-audit', '--no-fund', spec], { cwd: place });
      assert.equal(status, 0, `${spec} is not to be had: ${stdout}${stderr}`);
    }
    for (const [name, text] of Object.entries(files)) {
      // A second command finds what the first one made of it.
      if (!fs.existsSync(path.join(folder, name))) fs.writeFileSync(path.join(folder, name), text);
    }
    const command = path.join(place, 'node_modules', '.bin', spec.startsWith('pnpm') ? 'pnpm' : 'yarn');
    const own = { ...environment(registry, folder), CI: '', ...env(registry.url) };
    return run(command, [...words, ...args], { cwd: folder, env: own, shell: process.platform === 'win32' });
  };
}

/** What a document may say that a package.json is for. */
const tools = {
  npm: [(folder, registry) => npm(['install'], folder, registry)],
  pnpm: [fetched('pnpm@9')],
  yarn: [
    fetched('yarn@1', { args: ['--ignore-engines', '--non-interactive'] }),
    fetched('@yarnpkg/cli-dist@4', {
      env: (url) => ({
        YARN_NPM_REGISTRY_SERVER: url, YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1', YARN_NODE_LINKER: 'node-modules',
        YARN_GLOBAL_FOLDER: '.yarn/own', YARN_ENABLE_TELEMETRY: 'false', YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      }),
      files: { 'yarn.lock': '' },
    }),
  ],
};

module.exports = { shell, json, yaml, npm, fetched, tools, commands, succeed, load, loadBrought };
