'use strict';

// Not in check: it installs PM2.

/** Four processes of PM2 on one file: a visitor stays logged in, whichever serves him. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: wait } = require('node:timers/promises');
const { isOurs } = require('../subject');
const { APP, Guest } = require('./apps');
const { temporaryFolder } = require('../../test-kit/folder');
const { freePort } = require('../../test-kit/port');
const { run } = require('../../test-kit/program');

const VERSION = '6.0.13';

/** Ms that PM2 may take for a command. */
const LONGEST = 60_000;

test('pm2 start -i 4, reload and restart', { skip: !isOurs && 'the original has no DiskStore', timeout: 5 * LONGEST }, async (t) => {
  const folder = temporaryFolder('pm2', t);
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  const { status } = await run('npm', ['install', '--no-audit', '--no-fund', '--no-save', `pm2@${VERSION}`], { cwd: folder });
  if (status !== 0) {
    t.skip('PM2 cannot be installed here');
    return;
  }
  const port = await freePort();
  const file = path.join(folder, 'sessions.db');
  // The variables of this test run are none of the app's.
  const env = { PM2_HOME: path.join(folder, 'home'), FILE: file, PORT: String(port), NODE_TEST_CONTEXT: undefined };
  const pm2 = async (...args) => {
    const { status, stdout, stderr } = await run(process.execPath, [path.join(folder, 'node_modules', 'pm2', 'bin', 'pm2'), ...args], { cwd: folder, env });
    assert.equal(status, 0, `${stdout}${stderr}`);
    return stdout;
  };
  try {
    await pm2('start', APP, '--name', 'app', '-i', '4');
    const guest = new Guest(port);
    const pids = new Set();
    const visit = async (page) => {
      const end = Date.now() + LONGEST;
      for (;;) {
        try {
          const { headers, body } = await guest.get(page);
          pids.add(headers['x-pid']);
          return body;
        } catch (error) {
          // While all are started anew, nobody listens for a moment.
          if (Date.now() > end) throw error;
          await wait(50);
        }
      }
    };
    assert.equal(await visit('/login?user=ann'), 'ann 0');
    let n = 0;
    for (const command of ['reload', 'restart']) {
      for (let visits = 0; visits < 20; visits++) {
        assert.equal(await visit(`/write?n=${++n}`), `ann ${n}`);
        assert.equal(await visit('/'), `ann ${n}`);
      }
      let isDone = false;
      const done = pm2(command, 'app').finally(() => { isDone = true; });
      while (!isDone) {
        const said = await visit(`/write?n=${++n}`);
        assert.equal(said, `ann ${n}`, command);
      }
      await done;
      assert.equal(await visit('/'), `ann ${n}`);
    }
    assert.ok(pids.size > 4, `${pids.size} processes have answered`);
  } finally {
    await pm2('kill');
  }
});
