'use strict';

// Not in check: it installs packages.

/** docs/observing.md: its programs run as they stand there, and its tables and its dashboard are right. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');
const installCompanions = require('../companions/install');
const { blocks, root } = require('../documents/blocks');
const run = require('../documents/run');
const { NAMES } = require('./hear');
const { temporaryFolder } = require('../../test-kit/folder');

const DOCUMENT = 'docs/observing.md';
const companions = path.join(root, '__test__', 'companions', 'node_modules');
const text = fs.readFileSync(path.join(root, DOCUMENT), 'utf8');

before(installCompanions);

/**
 * Runs a program of the document, to which a browser goes.
 * @returns {Promise<string[]>} what it was answered, for each visit
 */
async function visited(t, mark, visits) {
  const folder = temporaryFolder('observing', t);
  fs.symlinkSync(companions, path.join(folder, 'node_modules'), 'junction');
  const file = path.join(folder, 'program.js');
  fs.writeFileSync(file, blocks(DOCUMENT).find((block) => block.mark === mark).text);
  const preload = path.join(root, '__test__', 'documents', 'preload.js');
  const env = { ...process.env, NODE_ENV: 'test', SECRET: 'of the test', VISITS: JSON.stringify({ visits }) };
  const { status, stdout, stderr } = await run(process.execPath, ['--require', preload, file], { cwd: folder, env });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout.split(/^200 /m).slice(1);
}

/** The samples of a page of Prometheus's text format, by name and labels. */
function samplesOf(page) {
  const samples = new Map();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^(\w+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? assert.fail(`no sample: ${line}`);
    samples.set(name, Number(value));
  }
  return samples;
}

/** One browser comes, logs out and comes again; then another one does. */
const VISITS = ['GET /', 'GET /', 'GET /', 'GET /logout', 'GET /', 'GET / other', 'GET /metrics'];

test('Prometheus', async (t) => {
  const answers = await visited(t, 'prometheus', VISITS);
  assert.deepEqual(answers.slice(0, 6).map((each) => each.trim()), [
    'Visit number 1', 'Visit number 2', 'Visit number 3', 'Goodbye', 'Visit number 1', 'Visit number 1',
  ]);
  const samples = samplesOf(answers[6]);
  const operation = (name, outcome) => samples.get(`express_session_operations_total{operation="${name}",outcome="${outcome}"}`);
  assert.deepEqual([
    operation('create', 'created'), operation('save', 'saved'), operation('load', 'found'), operation('load', 'none'),
    operation('destroy', 'destroyed'), operation('load', 'error'),
  ], [3, 5, 3, 1, 1, undefined]);
  assert.deepEqual([
    samples.get('express_session_sessions'), samples.get('express_session_evicted_total'), samples.get('express_session_expired_total'),
    samples.get('express_session_stored_bytes_count'), samples.get('express_session_duration_seconds_count{operation="load"}'),
  ], [2, 0, 0, 5, 4]);
  assert.ok(samples.get('express_session_stored_bytes_sum') > 5 * 50);
  assert.ok(samples.get('express_session_duration_seconds_sum{operation="load"}') > 0);

  const types = new Map(Array.from(answers[6].matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name, type]) => [name, type]));
  const exported = [...types].flatMap(([name, type]) => (type === 'histogram' ? ['bucket', 'sum', 'count'].map((each) => `${name}_${each}`) : [name]));
  const named = (where) => [...new Set(where.match(/\bexpress_session_\w+/g))];
  const dashboard = JSON.parse(fs.readFileSync(path.join(root, 'docs', 'observing-grafana.json'), 'utf8'));
  const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const used = named(expressions.join('\n'));
  assert.deepEqual(used.filter((name) => !exported.includes(name)), []);
  // And it shows all that is exported.
  assert.deepEqual([...types.keys()].filter((name) => !used.some((each) => each.startsWith(name))), []);
  // Labels, and their values.
  for (const [, label, values] of expressions.join('\n').matchAll(/(\w+)[!=]=?~?"([^"]+)"/g)) {
    assert.ok(['operation', 'outcome'].includes(label), label);
    for (const value of values.split('|')) assert.match(text, new RegExp(`\`${value}\``));
  }
  for (const [, name] of text.matchAll(/`(?:rate\()?(express_session_\w+)/g)) assert.ok(exported.includes(name), name);
});

test('OpenTelemetry: each span is a child of that of its request', async (t) => {
  const answers = await visited(t, 'opentelemetry', ['GET /', 'GET /', 'GET /spans']);
  const spans = JSON.parse(answers[2]);
  const requests = spans.filter(({ name }) => name === 'GET /');
  assert.equal(requests.length, 2);
  assert.deepEqual(requests.map(({ parent }) => parent), [undefined, undefined]);
  const children = requests.map(({ id }) => spans.filter(({ parent }) => parent === id).map(({ name, attributes }) => [name, attributes['session.outcome']]));
  assert.deepEqual(children, [[['session save', 'saved']], [['session load', 'found'], ['session save', 'saved']]]);
  assert.equal(spans.length, 5);
  assert.ok(spans.find(({ name }) => name === 'session save').attributes['session.bytes'] > 50);
});

test('the table has the channels', () => {
  const rows = Array.from(text.matchAll(/^\| `(\w+)` \| .* \| .* \|$/gm), ([, name]) => name);
  assert.deepEqual(rows, NAMES);
});
