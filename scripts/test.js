'use strict';

// Runs the tests, and ends with one line that counts them all:
//
//   node scripts/test.js           all: the Rust core's and the JavaScript ones
//   node scripts/test.js --quick   all but the files that say `// Not in check: WHY`
//   node scripts/test.js --long    the files that say `// In test:long: NAME=VALUE …`, each with
//                                  these variables, and once for each such line
//   node scripts/test.js --no-rust all but the Rust core's
//   node scripts/test.js FILE…     these files
//
// With --coverage it also says which lines of the package were run by the quick files, and by
// those that say `// In coverage: WHY`, and fails if these are too few.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const root = path.join(__dirname, '..');

/** Test files that run at once. Many wait for servers and for sessions to expire. */
const AT_A_TIME = os.availableParallelism() + 1;

/** What must have run of every hundred lines of the package. */
const LEAST_COVERED = '97';
const PACKAGE = ['index.js', 'postgres.js', 'redis.js', 'session/**/*.js'];
/** Where Node.js puts down which lines have run. */
const TRACES = path.join(root, 'target', 'coverage');

main(process.argv.slice(2));

async function main(args) {
  const has = (option) => args.includes(option);
  const named = args.filter((arg) => !arg.startsWith('--'));
  const files = named.length > 0 ? named : testFiles(path.join(root, '__test__'));
  const isQuick = (file) => marks(file, 'Not in check').length === 0;
  const isTraced = (file) => has('--coverage') && (isQuick(file) || marks(file, 'In coverage').length > 0);
  const results = [];
  /** What runs beside the JavaScript tests, which do not keep every processor busy. */
  const beside = [];

  if (has('--long')) {
    for (const file of files) {
      for (const variables of marks(file, 'In test:long')) results.push(await long(file, variables));
    }
  } else {
    if (named.length === 0 && !has('--no-rust')) beside.push(cargo());
    if (has('--coverage')) {
      results.push(await traced(files.filter(isTraced)));
      beside.push(covered());
    }
    const rest = files.filter((file) => !isTraced(file) && (isQuick(file) || !has('--quick')));
    if (rest.length > 0) results.push(await node(rest));
    results.push(...await Promise.all(beside));
  }

  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  const failed = sum('failed');
  console.log(`${sum('passed')} passed, ${failed} failed, ${sum('skipped')} skipped`);
  process.exitCode = failed > 0 || results.some((result) => result.status !== 0) ? 1 : 0;
}

/** What a test file says of itself behind a mark, which stands at the beginning of a line. */
function marks(file, mark) {
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`// ${mark}: `)).map((line) => line.slice(`// ${mark}: `.length));
}

async function cargo() {
  const { status, output } = await run('cargo', ['test', '--workspace', '--quiet'], { isHeld: true });
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

async function node(files, env = {}) {
  const { status, output } = await run(process.execPath, ['--test', `--test-concurrency=${AT_A_TIME}`, '--test-reporter=spec', ...files], { env });
  const count = (name) => Number(new RegExp(`^ℹ ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return {
    status,
    passed: count('pass'),
    failed: status !== 0 && failed === 0 ? 1 : failed,
    skipped: count('skipped') + count('todo'),
  };
}

/** Runs one file alone, as what takes minutes measures memory, too. */
async function long(file, variables) {
  console.log(`${variables} ${path.relative(root, file)}`);
  return node([file], Object.fromEntries(variables.split(' ').map((each) => each.split('='))));
}

/** Runs files, and puts down which lines have run. */
function traced(files) {
  fs.rmSync(TRACES, { recursive: true, force: true });
  return node(files, { NODE_V8_COVERAGE: TRACES });
}

/** Says which lines have run, and counts a failure if these are too few. */
async function covered() {
  // A copy that a test has installed elsewhere is the package, too.
  for (const file of fs.readdirSync(TRACES).map((name) => path.join(TRACES, name))) {
    const traced = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, traced.replace(/file:[^"]+\/node_modules\/express-session-rs\/(?=(?:index|redis|session\/[^"]+)\.js")/g, `${pathToFileURL(root)}/`));
  }
  const { status } = await run(process.execPath, [
    path.join(root, 'node_modules', 'c8', 'bin', 'c8.js'), 'report', '--temp-directory', TRACES, '--reporter', 'text',
    // A file that nobody loads counts, too.
    '--all', ...PACKAGE.flatMap((each) => ['--include', each]), '--check-coverage', '--lines', LEAST_COVERED,
  ], { isHeld: true });
  return { status, passed: 0, failed: status === 0 ? 0 : 1, skipped: 0 };
}

/** Every `*.test.js` below a folder. */
function testFiles(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : testFiles(file);
    return entry.name.endsWith('.test.js') ? [file] : [];
  });
}

/** Runs a command, shows what it prints, at the end if it is held, and returns that too. */
function run(command, args, { env, isHeld = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
      output += text;
      if (!isHeld) process.stdout.write(text);
    });
    child.on('error', (error) => resolve({ status: 1, output: error.message }));
    child.on('close', (status) => {
      if (isHeld) process.stdout.write(output);
      resolve({ status, output });
    });
  });
}
