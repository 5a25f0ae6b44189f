'use strict';

// Not in check: it installs packages.

/**
 * The frameworks and packages that people use with express-session: each in a small
 * program, through which the same visitors go on both packages. All in one file, so
 * that what they need is installed once.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, describe, it } = require('node:test');

const install = require('./install');
const { original, subject } = require('./packages');
const { pair } = require('./pair');
const { compare, createProject, runners } = require('./runner');
const Story = require('./story');

const WALKS = path.join(__dirname, 'walks');

describe('as with the original:', () => {
  before(install);

  for (const file of fs.readdirSync(WALKS)) {
    const { title, variants = [{}], check, ...walk } = require(path.join(WALKS, file));

    for (const env of variants) {
      const variant = Object.values(env).join(', ');

      it(variant ? `${title} (${variant})` : title, async () => {
        const records = await pair({ program: path.basename(file, '.js'), ...walk, env });
        check(new Story(records), env);
      });
    }
  }

  describe('spies and fake timers', () => {
    let projects = [];

    before(() => { projects = [original, subject].map(createProject); });

    for (const runner of runners) {
      const skip = runner !== 'jest' && process.version.startsWith('v18.') && 'vitest 4 wants Node.js 20';

      it(runner, { skip }, async () => {
        const story = new Story(await compare(runner, projects));
        const [files] = story.told('tests');

        assert.deepEqual(files.flatMap(({ message, tests }) => [message, ...tests.map(([, status]) => status)]),
          files.flatMap(({ tests }) => ['', ...tests.map(() => 'passed')]));
        assert.deepEqual(files.map(({ tests }) => tests.length), runner === 'jest' ? [9, 4] : [7, 3]);
        assert.deepEqual(story.told('exit'), [0]);

        assert.deepEqual(story.told('package'), Array(2).fill(path.join('node_modules', 'express-session', 'index.js')));
        assert.equal(story.told('get')[0].length, runner === 'jest' ? 7 : 9);
        assert.deepEqual(['get', 'set', 'touch', 'destroy'].map((name) => story.told(`${name} alone`).map(({ length }) => length)),
          // Who destroys has it done again at the end, as the session is unset then.
          [[9], [6], [2], [4]]);
        assert.ok(story.told('timers').every((count) => count === 0));
        assert.ok(story.objects('GET /count').some(({ session }) => session.views === 3));
      });
    }
  });
});
