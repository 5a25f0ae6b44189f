'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { it } = require('node:test');
const { promisify } = require('node:util');

const { createLayout, linked, installed } = require('./layout');

const run = promisify(execFile);

const original = path.dirname(require.resolve('express-session'));
const subject = process.env.SUBJECT ? original : path.join(__dirname, '..', '..');

/** What the program of that layout reports. */
async function report(t, place) {
  const layout = createLayout(place);
  t.after(() => layout.remove());

  const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: layout.folder });

  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

for (const [how, place] of Object.entries({ linked, installed })) {
  it(`a program and its stores take the package ${how} as express-session`, async (t) => {
    const theirs = await report(t, place(original));
    const ours = await report(t, place(subject));

    assert.deepEqual(ours, theirs);

    // One copy of each class, for whoever asks.
    for (const same of [...ours.deep, ...ours.subclasses, ...ours.named, ...ours.fromEsmStore, ours.default]) {
      assert.equal(same, true);
    }

    // And the stores did hold the session.
    for (const [name, { answers, calls }] of Object.entries(ours.stores)) {
      assert.deepEqual(answers.map(([status, , body]) => [status, body]), [1, 2, 3].map((n) => [200, `${n} true true`]), name);
      assert.deepEqual(answers.map(([, set]) => set?.length), [1, undefined, undefined], name);
      if (name !== 'memory') {
        assert.deepEqual(calls.map((call) => call.split(' ')[0]), ['set', 'get', 'set', 'get', 'set'], name);
      }
    }
  });
}
