'use strict';

/**
 * Runs express-session's own test suite against this package:
 *
 *     npm run test:upstream -- DIR
 *
 * DIR is a checkout of its repository at the tag; without DIR the tag is cloned.
 * No file of that suite belongs to this repository, so everything happens in a
 * temporary folder. Exit status: 0 all passed, 1 not all passed, 2 not run.
 *
 * `SUBJECT=express-session` runs the suite on the npm original instead.
 */
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { temporaryFolder } = require('../test-kit/folder');

const REPOSITORY = 'https://github.com/expressjs/session.git';
const VERSION = '1.19.0';
const TAG = `v${VERSION}`;
const TESTS = 160;

/** What the tests load; the rest of its devDependencies is for linting and coverage. */
const NEEDED = ['after', 'cookie-parser', 'express', 'mocha', 'supertest'];

const MODULES = ['index', 'session/cookie', 'session/memory', 'session/session', 'session/store'];

const root = path.join(__dirname, '..');

const MINUTE = 60 * 1000;

/** The suite could not be run: no statement about the package. */
class NotRun extends Error {}

/** The program that runs now, to be ended with this one. */
let running;

async function main() {
  const args = process.argv.slice(2);
  if (args.length > 1) throw new NotRun('usage: npm run test:upstream -- [DIR]');

  const folder = temporaryFolder('upstream');

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      running?.kill();
      process.exit(2);
    });
  }

  const checkout = args.length ? fromCaller(args[0]) : await clone(path.join(folder, 'checkout'));
  const manifest = readManifest(checkout);
  const flags = mochaFlags(manifest);
  const suite = path.join(folder, 'suite');

  prepare({ checkout, manifest, suite });
  await install(suite);
  await makeCertificate(suite);

  return judge(await mocha(suite, flags));
}

/** npm runs scripts in the package's folder; a relative DIR means the caller's. */
function fromCaller(dir) {
  const base = process.env.npm_lifecycle_event === 'test:upstream' ? process.env.INIT_CWD : undefined;
  return path.resolve(base || process.cwd(), dir);
}

async function clone(target) {
  console.log(`Cloning ${REPOSITORY} at ${TAG}`);

  const { code, output } = await run('git', [
    '-c', 'advice.detachedHead=false',
    // Give up on a line that carries nothing.
    '-c', 'http.lowSpeedLimit=1000', '-c', 'http.lowSpeedTime=10',
    'clone', '--quiet', '--depth', '1', '--branch', TAG, REPOSITORY, target,
  ], { env: { ...process.env, GIT_TERMINAL_PROMPT: '0' }, timeout: MINUTE, quiet: true });

  if (code !== 0) {
    throw new NotRun(`could not clone ${TAG}: ${lastLine(output)}\n` +
      'With a checkout of that tag at hand: npm run test:upstream -- DIR');
  }

  return target;
}

/** The checkout's package.json, once it is sure that this is the checkout wanted. */
function readManifest(checkout) {
  const wanted = `a checkout of ${REPOSITORY} at ${TAG}`;

  if (!fs.existsSync(checkout)) throw new NotRun(`${checkout} does not exist: it has to be ${wanted}`);

  let manifest;
  try {
    manifest = JSON.parse(fs.readFileSync(path.join(checkout, 'package.json'), 'utf8'));
  } catch {
    throw new NotRun(`${checkout} has no package.json that can be read: it has to be ${wanted}`);
  }

  if (manifest?.name !== 'express-session') {
    throw new NotRun(`${checkout} holds ${manifest?.name || 'a package without a name'}: it has to be ${wanted}`);
  }
  if (manifest.version !== VERSION) {
    throw new NotRun(`${checkout} is at version ${manifest.version}: it has to be ${wanted}`);
  }

  for (const file of ['test/session.js', 'test/cookie.js', 'test/support/gencert.sh']) {
    if (!fs.existsSync(path.join(checkout, file))) {
      throw new NotRun(`${checkout} has no ${file} (the npm package comes without tests): it has to be ${wanted}`);
    }
  }

  return manifest;
}

/** The flags of the checkout's own `test` script, so that its rules hold (--check-leaks). */
function mochaFlags(manifest) {
  const [, flags] = manifest.scripts?.test?.match(/\bmocha (.+)$/) || [];
  if (!flags) throw new NotRun('its package.json has no `test` script that runs mocha');

  return flags.trim().split(/\s+/);
}

/** Its tests, and in place of its code what leads to ours. */
function prepare({ checkout, manifest, suite }) {
  fs.mkdirSync(suite);
  fs.cpSync(path.join(checkout, 'test'), path.join(suite, 'test'), { recursive: true });
  fs.mkdirSync(path.join(suite, 'test', 'fixtures'), { recursive: true });

  const devDependencies = {};
  for (const name of NEEDED) {
    const version = manifest.devDependencies?.[name];
    if (!version) throw new NotRun(`its package.json names no version of ${name}`);
    devDependencies[name] = version;
  }
  fs.writeFileSync(path.join(suite, 'package.json'), JSON.stringify({ private: true, devDependencies }));

  const subject = process.env.SUBJECT ? path.dirname(require.resolve(process.env.SUBJECT)) : root;

  fs.mkdirSync(path.join(suite, 'session'));
  for (const module of MODULES) {
    const target = JSON.stringify(path.join(subject, module));
    fs.writeFileSync(path.join(suite, `${module}.js`), `module.exports = require(${target});\n`);
  }
}

async function install(suite) {
  console.log(`Installing ${NEEDED.join(', ')}`);

  const { code, output } = await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], {
    cwd: suite,
    env: ownEnvironment(),
    timeout: 5 * MINUTE,
    quiet: true,
    shell: process.platform === 'win32',
  });

  if (code !== 0) throw new NotRun(`could not install what its tests need:\n${output.trim()}`);
}

async function makeCertificate(suite) {
  const { code, output } = await run('sh', ['test/support/gencert.sh'], { cwd: suite, timeout: MINUTE, quiet: true });

  if (code !== 0) throw new NotRun(`could not make the certificate of its https tests (is openssl installed?):\n${output.trim()}`);
}

function mocha(suite, flags) {
  const bin = path.join(suite, 'node_modules', 'mocha', 'bin', 'mocha.js');

  return run(process.execPath, [bin, ...flags], { cwd: suite, env: ownEnvironment(), timeout: 5 * MINUTE });
}

/** Without what an outer npm or test runner says to its own children. */
function ownEnvironment() {
  const env = { ...process.env, NODE_ENV: 'test' };

  for (const name of Object.keys(env)) {
    if (/^npm_(config_local_prefix|package|lifecycle)/i.test(name) || name === 'NODE_TEST_CONTEXT') delete env[name];
  }

  return env;
}

/**
 * Green means every test there is ran and passed, not just that none failed.
 * @returns {0 | 1} the exit status
 */
function judge({ code, output }) {
  const count = (word) => Number(output.match(new RegExp(`^\\s*(\\d+) ${word}\\b`, 'm'))?.[1] || 0);
  const passing = count('passing');
  const failing = count('failing');
  const pending = count('pending');
  const good = code === 0 && passing === TESTS && failing === 0 && pending === 0;

  console.log(`express-session ${TAG}: ${passing} of ${TESTS} passed` +
    `${failing ? `, ${failing} failed` : ''}${pending ? `, ${pending} skipped` : ''}` +
    `${code === 0 ? '' : ` (mocha ended with ${code})`}`);

  return good ? 0 : 1;
}

/**
 * Runs a program to its end and keeps what it printed; shows it, too, unless quiet.
 * @returns {Promise<{ code: number | string, output: string }>} the exit status, or why there is none
 */
function run(command, args, { quiet = false, timeout, ...options }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';

    // Not spawn's own timeout: its timer outlives a program that is not there.
    const timer = setTimeout(() => child.kill(), timeout);

    running = child;
    for (const [stream, shown] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        if (!quiet) shown.write(text);
      });
    }

    const end = (result) => {
      clearTimeout(timer);
      resolve(result);
    };

    child.on('error', (error) => end({
      code: error.code,
      output: error.code === 'ENOENT' ? `there is no program named ${command}` : error.message,
    }));
    child.on('close', (code, signal) => end({ code: code ?? signal, output }));
  });
}

function lastLine(text) {
  return text.trim().split('\n').pop();
}

main().then((status) => {
  process.exitCode = status;
}, (error) => {
  if (!(error instanceof NotRun)) throw error;
  console.error(`test:upstream: ${error.message}`);
  process.exitCode = 2;
});
