'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { it } = require('node:test');

const { temporaryFolder } = require('../../test-kit/folder');
const { Program } = require('../../test-kit/program');

const START = path.join(__dirname, '..', '..', 'examples', 'cluster', 'start.js');

/** Runs the command in a temporary folder of its own, which has to be empty in the end. */
function run(t, env) {
  const folder = temporaryFolder('express-session-cluster', t);
  const program = new Program(process.execPath, [START], { env: { SECRET: '', DURATION: '', NODE_ENV: 'test', ...env, TMPDIR: folder, TEMP: folder } });
  const over = program.ended.then((how) => ({ how, stdout: program.stdout, stderr: program.stderr, left: fs.readdirSync(folder) }));

  t.after(() => program.stop());
  return { program, over };
}

it('loses no session while its workers are replaced and killed', { timeout: 60000 }, async (t) => {
  const { over } = run(t, { DURATION: '2' });
  const { how, stdout, stderr, left } = await over;

  assert.deepEqual([how, stderr, left], ['ended with status 0', '', []], stdout);
  const [, replaced, killed, answered] = /^(\d+) workers were replaced, (\d+) of them by SIGKILL\. (\d+) requests were answered;/m.exec(stdout);

  assert.ok(Number(replaced) >= 2 && Number(killed) >= 1 && Number(answered) > 32, stdout);
  assert.match(stdout, /^Sessions lost: 0 of 16\. Page views lost: 0\.$/m);
});

it('ends on Ctrl-C with what it has counted by then', { timeout: 60000, skip: process.platform === 'win32' }, async (t) => {
  const { program, over } = run(t, { DURATION: '600' });

  await program.prints(/16 visitors/);
  program.signal('SIGINT');
  const { how, stdout, left } = await over;

  assert.deepEqual([how, left], ['ended with status 0', []], stdout);
  assert.match(stdout, /^Sessions lost: 0 of 16/m);
});

for (const duration of ['0', '-1', 'long', '1.5']) {
  it(`says in one line that DURATION=${duration} is no duration`, async (t) => {
    const { how, stdout, stderr } = await run(t, { DURATION: duration }).over;

    assert.deepEqual([how, stdout], ['ended with status 1', '']);
    assert.match(stderr, /^DURATION is "[^\n]+\n$/);
  });
}
