'use strict';

// Runs every test: the Rust engine's, then the JavaScript ones, and ends with one
// line that counts them all. Arguments are test files to run alone.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const chosen = process.argv.slice(2);

main();

async function main() {
  const results = [];
  if (chosen.length === 0) results.push(await cargo());
  results.push(await node(chosen.length > 0 ? chosen : testFiles(path.join(root, '__test__'))));

  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  const failed = sum('failed');
  console.log(`${sum('passed')} passed, ${failed} failed, ${sum('skipped')} skipped`);
  process.exitCode = failed > 0 || results.some((result) => result.status !== 0) ? 1 : 0;
}

async function cargo() {
  const { status, output } = await run('cargo', ['test', '--workspace', '--quiet']);
  const counted = { status, passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of output.matchAll(/(\d+) passed; (\d+) failed; (\d+) ignored/g)) {
    counted.passed += Number(passed);
    counted.failed += Number(failed);
    counted.skipped += Number(ignored);
  }
  // A run that did not even build counted nothing.
  if (status !== 0 && counted.failed === 0) counted.failed = 1;
  return counted;
}

async function node(files) {
  // Many files wait for servers and for sessions to expire; by default one core stays idle.
  const concurrency = `--test-concurrency=${Math.max(2, os.availableParallelism())}`;
  const { status, output } = await run(process.execPath, ['--test', concurrency, '--test-reporter=spec', ...files]);
  const count = (name) => Number(new RegExp(`^ℹ ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return {
    status,
    passed: count('pass'),
    failed: status !== 0 && failed === 0 ? 1 : failed,
    skipped: count('skipped') + count('todo'),
  };
}

/** Every `*.test.js` below a folder. */
function testFiles(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(file);
    return entry.name.endsWith('.test.js') ? [file] : [];
  });
}

/** Runs a command, shows what it prints, and returns that too. */
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on('error', (error) => resolve({ status: 1, output: error.message }));
    child.on('close', (status) => resolve({ status, output }));
  });
}
