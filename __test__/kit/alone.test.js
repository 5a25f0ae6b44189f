'use strict';

/** What the kit has, nothing else has a second time: programs are searched for its like. */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const FOLDERS = ['__test__', 'bench', 'examples', 'scripts', 'stores'];

/** Programs that are copied, or written, into a project where there is no kit. */
const COPIED = {
  '__test__/alias/layout/main.js': ['listener', 'jar'],
  '__test__/companions/programs/supertest.js': ['jar'],
  '__test__/documents/trouble-scenes.js': ['listener'],
  '__test__/release/release.test.js': ['listener', 'jar'],
  'scripts/install/example.js': ['jar'],
  'scripts/install/visit.js': ['listener', 'jar'],
};

/** How each thing is known, what has it, and what would be found: text that is in no program here. */
const THINGS = {
  'Redis': {
    pattern: /(?<!\b(?:needs|missing|find|Missing))\(\s*['"`](?:redis|valkey)-server\b|['"`]--(?:save|unixsocket)\b/,
    home: 'test-kit/redis.js',
    found: ["spawn('redis-server', args)", "new Program(\n  'redis-server',", "spawn(program, ['--save', ''])"],
    allowed: ["needs('nginx', 'redis-server')", "missing('redis-server')", 'startRedis({ folder })'],
  },
  'jar': {
    pattern: /\.split\(['"`];['"`]\)\[0\]|getSetCookie\(|\[[\w.]+\] = [\w.]+\.split\(['"`];|\)=\((?:\?<\w+>)?\[\^;/,
    home: 'test-kit/jar.js',
    found: ["headers['set-cookie'][0].split(';')[0]", 'for (const line of response.headers.getSetCookie())', "[this.cookie] = line.split(';');", 'line.match(/^([^=]+)=([^;]*)/)'],
    allowed: ["header.split('; ').slice(1)", "jar.take(headers['set-cookie'])"],
  },
  'listener': {
    pattern: /\.listen\(\s*0\b/,
    home: 'test-kit/app.js',
    found: ["server.listen(0, '127.0.0.1', resolve)"],
    allowed: ['app.listen(3000)', 'server.listen(Number(port), HOST)'],
  },
  'port': {
    // A server that listens to nobody is a probe.
    pattern: /\bcreateServer\(\)\s*(?:\.|;)/,
    home: 'test-kit/port.js',
    found: ["const probe = net.createServer().on('error', reject);", 'const probe = createServer();'],
    allowed: ['serve(net.createServer(), t)', 'net.createServer((socket) => {})'],
  },
  'temporary folder': {
    pattern: /mkdtemp\w*\(.*\btmpdir\(\)/,
    home: 'test-kit/folder.js',
    found: ["fs.mkdtempSync(path.join(os.tmpdir(), 'a-'))"],
    allowed: ["fs.mkdtempSync(path.join(folder, 'project-'))"],
  },
  'rule of CI': {
    pattern: /\benv\.CI\b/,
    home: 'test-kit/installed.js',
    found: ["process.env.CI === 'true'"],
    allowed: ["CI: 'true'"],
  },
};

/** Every program below a folder. */
function programs(folder) {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : programs(file);
    return /\.m?js$/.test(entry.name) && path.join(ROOT, file) !== __filename ? [file] : [];
  });
}

const texts = new Map(FOLDERS.flatMap(programs).map((file) => [file, fs.readFileSync(path.join(ROOT, file), 'utf8')]));

for (const [thing, { pattern, home, found, allowed }] of Object.entries(THINGS)) {
  test(`the only ${thing} is that of ${home}`, () => {
    for (const text of found) assert.match(text, pattern);
    for (const text of allowed) assert.doesNotMatch(text, pattern);
    // Otherwise the pattern has outlived what it knows.
    assert.match(fs.readFileSync(path.join(ROOT, home), 'utf8'), pattern);

    const others = [...texts].filter(([, text]) => pattern.test(text)).map(([file]) => file);
    const copied = Object.keys(COPIED).filter((file) => COPIED[file].includes(thing));
    assert.deepEqual(others.sort(), copied.sort(), `use ${home}`);
  });
}

test('the published package has no kit, and nothing in it uses one', () => {
  const { files } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  assert.ok(!files.some((file) => file.startsWith('test-kit')));

  const shipped = ['index.js', 'postgres.js', 'redis.js', ...programs('session'), ...programs('bin')];
  assert.deepEqual(shipped.filter((file) => fs.readFileSync(path.join(ROOT, file), 'utf8').includes('test-kit')), []);
});

test('the apps that users copy use no kit', () => {
  const apps = ['server.js', 'app.js', 'store.js', 'cluster.js', 'pages.js', 'alias.js'].map((name) => `examples/redis/${name}`);
  const users = [...apps, 'examples/cluster/worker.js', ...programs('examples/app')].filter((file) => texts.get(file).includes('test-kit'));
  assert.deepEqual(users, []);
});
