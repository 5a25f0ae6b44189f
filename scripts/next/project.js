'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { blocks, root } = require('../../__test__/documents/blocks');
const pack = require('../install/pack');
const run = require('../install/run');
const { HOST, freePort } = require('../../test-kit/port');
const { Program, startServer } = require('../../test-kit/program');

const folder = path.join(root, 'target', 'next');
const project = path.join(folder, 'project');
const next = path.join(project, 'node_modules', 'next', 'dist', 'bin', 'next');
const contained = path.join(root, '__test__', 'documents', 'contained.js');

const env = {
  ...process.env,
  SECRET: 'a secret of the test',
  NEXT_TELEMETRY_DISABLED: '1',
  // Of whoever runs this script, they would speak for the project.
  NODE_ENV: undefined,
  PORT: undefined,
};
for (const key of Object.keys(env)) if (/^npm_(lifecycle|package)_/.test(key)) delete env[key];

/** Makes the project of a user: the app in site/ with the programs of docs/outside.md, and installs its packages. */
async function install() {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.cpSync(path.join(__dirname, 'site'), project, { recursive: true });
  for (const { mark, text } of blocks('docs/outside.md')) {
    if (!mark.startsWith('next ')) continue;
    // The first line of each names its file.
    const [, name] = /^\/\/ (\S+)\n/.exec(text);
    fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    fs.writeFileSync(path.join(project, name), text);
  }
  const { main, platforms } = pack(folder);
  fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({
    name: 'a-project',
    private: true,
    dependencies: { 'express': '5', 'express-session-rs': `file:${main}`, 'next': 'latest', 'react': 'latest', 'react-dom': 'latest' },
    // The registry would have the packages of the platforms.
    overrides: Object.fromEntries(Object.entries(platforms).map(([name, file]) => [name, `file:${file}`])),
  }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], { cwd: project, env });
}

/** @returns {string} the version of Next.js that is installed */
function version() {
  return JSON.parse(fs.readFileSync(path.join(project, 'node_modules', 'next', 'package.json'), 'utf8')).version;
}

/**
 * Builds the app.
 * @param {string[]} [args] of `next build`
 */
async function build(...args) {
  await run(process.execPath, [next, 'build', ...args], { cwd: project, env });
}

/**
 * Builds it once more, into another folder, with the other bundler, as what is copied into an image.
 * @returns {Promise<string>} the folder that can be moved away
 */
async function buildStandalone() {
  const config = path.join(project, 'next.config.mjs');
  const documented = fs.readFileSync(config, 'utf8');
  fs.writeFileSync(path.join(project, 'documented.config.mjs'), documented);
  fs.writeFileSync(config, `
    import config from './documented.config.mjs';
    export default { ...config, output: 'standalone', distDir: 'other', outputFileTracingRoot: import.meta.dirname };
  `);
  try {
    await build('--webpack');
  } finally {
    fs.writeFileSync(config, documented);
  }
  return path.join(project, 'other', 'standalone');
}

/**
 * Starts a server that listens on a free port in the place of its own, as a program of docs/outside.md does.
 *
 * @param {string} file
 * @param {object} [more] environment variables
 * @param {string} [cwd]
 * @returns {Promise<Program & { port: number }>}
 */
async function startProgram(file, more, cwd = project) {
  const program = new Program(process.execPath, ['--require', contained, file], { cwd, env: { ...env, NODE_ENV: 'production', ...more } });
  try {
    const [, port] = await program.prints(/listening on (\d+)/);
    return Object.assign(program, { port: Number(port) });
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/**
 * Starts `next start` or `next dev`.
 * @param {'start' | 'dev'} command
 * @returns {Promise<Program & { port: number }>}
 */
async function startNext(command) {
  const port = await freePort();
  return startServer(process.execPath, [next, command, '--port', String(port), '--hostname', HOST], { port, cwd: project, env });
}

module.exports = { install, version, build, buildStandalone, startProgram, startNext, project };
