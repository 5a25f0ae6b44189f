'use strict';

// Not in check: it takes long.

const assert = require('node:assert/strict');
const { execFile, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');
const { after, before, test } = require('node:test');
const { platformName } = require('../../session/native/platform');
const { versions } = require('../../scripts/release/versions');
const startRegistry = require('../registry');
const Workflow = require('./workflow');
const { temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const { napi, version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const platforms = fs.readdirSync(path.join(root, 'npm'));
// The job that packs loads the package of its own platform.
const skip = (platformName() !== 'linux-x64-gnu' && 'the release is packed on Linux x64') ||
  (process.version.startsWith('v18.') && 'the commands of @napi-rs/cli want Node.js 20');
/** A version that nobody has published; as long as this one, of which the addon is made it. */
const next = version.replace(/\d$/, (digit) => (Number(digit) + 1) % 10);

let folder;
let registry;
let workflow;
let env;

before(async () => {
  if (skip) return;
  folder = temporaryFolder('release');
  registry = await startRegistry({ token: 'of the test' });
  for (const name of ['debug', 'ms', 'depd']) registry.brings(path.join(root, 'node_modules', name));
  env = {
    PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
    HOME: path.join(folder, 'home'),
    npm_config_registry: registry.url,
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fetch_retries: '0',
    GIT_AUTHOR_NAME: 'a maintainer',
    GIT_AUTHOR_EMAIL: 'maintainer@example.com',
    GIT_COMMITTER_NAME: 'a maintainer',
    GIT_COMMITTER_EMAIL: 'maintainer@example.com',
    GITHUB_REF_NAME: `v${next}`,
    GITHUB_SERVER_URL: 'https://example.com',
    GITHUB_REPOSITORY: 'an-owner/express-session-rs',
  };
  fs.mkdirSync(env.HOME);
  // In place of what GitHub vouches for.
  fs.writeFileSync(path.join(env.HOME, '.npmrc'), `//${new URL(registry.url).host}/:_authToken=of the test\n`);
  workflow = new Workflow(path.join(root, '.github', 'workflows', 'release.yml'), {
    folder: checkout(),
    artifacts: path.join(folder, 'artifacts'),
    env,
    // Only GitHub can make one.
    forced: { NPM_CONFIG_PROVENANCE: 'false' },
    ready: /^npm install /,
  });
  for (const [at, target] of napi.targets.entries()) build(target, at);
});

after(() => {
  if (skip) return;
  registry.close();
});

/** This checkout as a repository of its own. */
function checkout() {
  const to = path.join(folder, 'checkout');
  const names = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  for (const name of names.split('\0')) {
    if (name && fs.existsSync(path.join(root, name))) fs.cpSync(path.join(root, name), path.join(to, name));
  }
  for (const args of [['init', '--quiet'], ['add', '--all'], ['commit', '--quiet', '--message', 'as it is']]) {
    execFileSync('git', args, { cwd: to, env });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(to, 'node_modules'));
  return to;
}

/** What the job of a target uploads: this platform's addon as of that version, or something in its place. */
function build(target, at) {
  const place = path.join(workflow.place.artifacts, `bindings-${target}`);
  const [platform] = platforms.filter((each) => isOf(each, target));
  const name = `${napi.binaryName}.${platform}.node`;
  fs.mkdirSync(place, { recursive: true });
  let bytes = Buffer.from(`stand-in ${at}`);
  if (platform === platformName()) {
    bytes = fs.readFileSync(path.join(root, name));
    bytes.write(next, bytes.lastIndexOf(version), 'latin1');
  }
  fs.writeFileSync(path.join(place, name), bytes);
}

/** napi's short names of Rust's targets. */
function isOf(platform, target) {
  const [system, cpu, library] = platform.split('-');
  return target.startsWith({ x64: 'x86_64', arm64: 'aarch64' }[cpu]) &&
    target.includes({ linux: 'linux', darwin: 'darwin', win32: 'windows' }[system]) && (!library || target.endsWith(library));
}

/** The lines of an output that begin as the scripts of a release begin theirs. */
function said(output, ...beginnings) {
  return output.split('\n').filter((line) => beginnings.some((each) => line.startsWith(each)));
}

async function succeeds(job) {
  const { status, output, step } = await workflow.run(job);
  assert.equal(status, 0, `${step}\n${output}`);
  return output;
}

/** Commits a change of a file for a while: a job begins with what is committed. */
async function whileChanged(name, change, then) {
  const { folder: cwd } = workflow.place;
  const text = fs.readFileSync(path.join(cwd, name), 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text);
  fs.writeFileSync(path.join(cwd, name), changed);
  execFileSync('git', ['commit', '--quiet', '--all', '--message', 'for a while'], { cwd, env });
  try {
    await then();
  } finally {
    execFileSync('git', ['reset', '--quiet', '--hard', 'HEAD~'], { cwd, env });
  }
}

/** Runs the job that publishes on packages of which one was changed. */
async function publishChanged(name, change) {
  const file = path.join(workflow.place.artifacts, 'packages', `${name}-${next}.tgz`);
  const kept = fs.readFileSync(file);
  const place = fs.mkdtempSync(path.join(folder, 'changed-'));
  execFileSync('tar', ['-xzf', file, '-C', place]);
  change(path.join(place, 'package'));
  execFileSync('tar', ['-czf', file, '-C', place, 'package']);
  const result = await workflow.run('publish');
  fs.writeFileSync(file, kept);
  return result;
}

test('every place says the version of package.json', () => {
  const { places } = versions();
  assert.equal(places.length, 2 + napi.targets.length + 8);
  assert.deepEqual(places.filter((each) => each.version !== version), []);
});

test('docs/releasing.md has the names of all packages', { skip: process.platform === 'win32' && 'needs a Unix shell' }, () => {
  const [, names] = /for name in (.*); do/.exec(fs.readFileSync(path.join(root, 'docs', 'releasing.md'), 'utf8'));
  const named = execFileSync('bash', ['-c', `echo ${names}`], { encoding: 'utf8' }).trim().split(' ');
  assert.deepEqual(named.sort(), [napi.binaryName, ...platforms.map((each) => `${napi.binaryName}-${each}`)].sort());
});

test('npm version takes a new version everywhere, and dates the changelog', { skip }, async () => {
  const { folder: cwd } = workflow.place;
  execFileSync('npm', ['version', next], { cwd, env, stdio: 'pipe' });
  const git = (...args) => execFileSync('git', args, { cwd, env, encoding: 'utf8' }).trim();
  assert.equal(git('status', '--porcelain', '--untracked-files=no'), '');
  assert.equal(git('describe', '--exact-match'), `v${next}`);
  const { version: found, places } = versions(cwd);
  assert.equal(found, next);
  assert.deepEqual(places.filter((each) => each.version !== next), []);
  const [today] = new Date().toISOString().split('T');
  assert.match(fs.readFileSync(path.join(cwd, 'CHANGELOG.md'), 'utf8'), new RegExp(`\n## \\[Unreleased\\]\n\n## \\[${next}\\] - ${today}\n\n### `));
});

const refusals = {
  'a tag of another version': ['package.json', (text) => text.replace(`"version": "${next}"`, '"version": "1.0.0"'), `the tag is v${next}, package.json says 1.0.0`],
  'a platform of another version': ['npm/win32-x64-msvc/package.json', (text) => text.replace(next, '1.0.0'), `npm/win32-x64-msvc/package.json says 1.0.0, package.json says ${next}`],
  'a crate of another version': ['Cargo.toml', (text) => text.replace(next, '1.0.0'), `Cargo.toml says 1.0.0, package.json says ${next}`],
  'no section in the changelog': ['CHANGELOG.md', (text) => text.replace(`[${next}]`, '[1.0.0]'), `CHANGELOG.md has no section for ${next}`],
  'a section without a date': ['CHANGELOG.md', (text) => text.replace(/(## \[\d.*\]) - .*/, '$1'), `the section for ${next} has no date`],
  'an empty section': ['CHANGELOG.md', (text) => text.replace(/(## \[\d.*\] - .*)[^]*/, '$1\n'), `the section for ${next} is empty`],
};
for (const [name, [file, change, line]] of Object.entries(refusals)) {
  test(`nothing is built for ${name}`, { skip }, () => whileChanged(file, change, async () => {
    const { status, output } = await workflow.run('check');
    assert.equal(status, 1);
    assert.ok(said(output, 'Not released: ').some((each) => each.includes(line)), output);
  }));
}

test('nothing is packed without the addon of a platform', { skip }, async () => {
  const place = path.join(workflow.place.artifacts, `bindings-${napi.targets[5]}`);
  fs.renameSync(place, `${folder}/away`);
  const { status, output } = await workflow.run('pack');
  fs.renameSync(`${folder}/away`, place);
  assert.notEqual(status, 0);
  assert.match(output, new RegExp(`Missing artifacts .*${napi.targets[5]}`));
});

test('a tag becomes packages, of which npm takes all or, when it is asked again, the rest', { skip }, async (t) => {
  assert.equal(await succeeds('check'), `v${next} can be released.\n`);
  await succeeds('pack');
  const all = [...napi.targets.map((target) => `${napi.binaryName}-${platforms.find((each) => isOf(each, target))}`), napi.binaryName];

  await t.test('not with a tarball that is missing', async () => {
    const file = path.join(workflow.place.artifacts, 'packages', `${all[6]}-${next}.tgz`);
    fs.renameSync(file, `${folder}/away`);
    const { status, output } = await workflow.run('publish');
    fs.renameSync(`${folder}/away`, file);
    assert.equal(status, 1);
    assert.deepEqual(said(output, 'Not published: '), [`Not published: the tarball of ${all[6]}@${next} is missing.`]);
    assert.deepEqual(registry.published, []);
  });

  await t.test('not with a tarball without its addon', async () => {
    const { status, output } = await publishChanged(all[4], (place) => fs.rmSync(path.join(place, `${napi.binaryName}.${all[4].slice(napi.binaryName.length + 1)}.node`)));
    assert.equal(status, 1);
    assert.deepEqual(said(output, 'Not published: '), [`Not published: ${all[4]}@${next} has no addon in it.`]);
    assert.deepEqual(registry.published, []);
  });

  await t.test('not with half an addon', async () => {
    const addon = `${napi.binaryName}.${all[4].slice(napi.binaryName.length + 1)}.node`;
    const { status, output } = await publishChanged(all[4], (place) => fs.truncateSync(path.join(place, addon), 5));
    assert.equal(status, 1);
    assert.deepEqual(said(output, 'Not published: '), [`Not published: ${all[4]}@${next} says that its addon has 10 bytes, and it has 5.`]);
    assert.deepEqual(registry.published, []);
  });

  await t.test('halfway', async () => {
    registry.refused.add(all[3]);
    const { status, output } = await workflow.run('publish');
    registry.refused.clear();
    assert.equal(status, 1);
    assert.match(said(output, 'Not published: ').join(), new RegExp(`${all[3]}@${next} failed, .*run this again`));
    assert.deepEqual(registry.published, all.slice(0, 3));
  });

  await t.test('again', async () => {
    const output = await succeeds('publish');
    assert.equal(said(output, all[0], all[1], all[2]).filter((line) => line.endsWith(' is published already.')).length, 3);
    assert.deepEqual(registry.published, all);
  });

  await t.test('when all is there', async () => {
    const output = await succeeds('publish');
    assert.deepEqual(said(output, 'Publishing'), []);
    assert.equal(registry.published.length, all.length);
  });

  await t.test('not over something else', async () => {
    registry.forget(all[8]);
    const { status, output } = await publishChanged(all[2], (place) => fs.writeFileSync(path.join(place, 'README.md'), 'built again'));
    assert.equal(status, 1);
    assert.deepEqual(said(output, 'Not published: '), [`Not published: the registry has another ${all[2]}@${next}; release a new version.`]);
    assert.equal(registry.published.length, all.length);
    await succeeds('publish');
  });

  await t.test('which install under the name that programs know, for this platform alone', async () => {
    const cwd = path.join(folder, 'a-project');
    fs.mkdirSync(cwd);
    // Or npm would look for one further up.
    fs.writeFileSync(path.join(cwd, 'package.json'), '{}');
    // Not in the foreground: the registry is in this process.
    await promisify(execFile)('npm', ['install', `express-session@npm:${napi.binaryName}`], { cwd, env });
    const installed = fs.readdirSync(path.join(cwd, 'node_modules')).filter((name) => !name.startsWith('.'));
    assert.deepEqual(installed, ['debug', 'depd', 'express-session', `${napi.binaryName}-${platformName()}`, 'ms']);
    const licence = path.join(cwd, 'node_modules', `${napi.binaryName}-${platformName()}`, 'LICENSE');
    assert.deepEqual(fs.readFileSync(licence), fs.readFileSync(path.join(root, 'LICENSE')));
    const { repository } = JSON.parse(fs.readFileSync(path.join(cwd, 'node_modules', 'express-session', 'package.json'), 'utf8'));
    assert.equal(repository.url, 'git+https://example.com/an-owner/express-session-rs.git');
    fs.writeFileSync(path.join(cwd, 'views.js'), `
      const session = require('express-session')({ secret: 'of the test', resave: false, saveUninitialized: false });
      const server = require('node:http').createServer((req, res) => session(req, res, () => {
        req.session.views = (req.session.views || 0) + 1;
        res.end(String(req.session.views));
      })).listen(0, '127.0.0.1', async () => {
        const address = 'http://127.0.0.1:' + server.address().port;
        const first = await fetch(address);
        const second = await fetch(address, { headers: { cookie: first.headers.get('set-cookie').split(';')[0] } });
        console.log(await first.text(), await second.text());
        process.exit();
      });`);
    assert.equal(execFileSync(process.execPath, ['views.js'], { cwd, env, encoding: 'utf8' }), '1 2\n');
    // What the error of a platform without a binary names is there under that name, too.
    assert.match(execFileSync('npx', ['express-session-rs', '--help'], { cwd, env, encoding: 'utf8' }), /^Usage: express-session-rs ls .*\n(?: .*\n)* +express-session-rs build\n/);
  });
});
