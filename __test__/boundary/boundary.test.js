'use strict';

// In test:long: BOUNDARY_FACTOR=30

/**
 * Whatever a program passes to any export, of the addon or of the package, the process
 * lives on and the answer is what was promised, or a JavaScript error: properties, each
 * tried by a process of its own, so that one that ends is told from one that fails.
 *
 * BOUNDARY_SEED=… repeats a run; BOUNDARY_FACTOR=100 tries a hundred times as many cases.
 */

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { isOurs } = require('../subject');
const { temporaryFolder } = require('../../test-kit/folder');
const { run } = require('../../test-kit/program');

const seed = Number(process.env.BOUNDARY_SEED || Date.now() % 2 ** 31);
const factor = Number(process.env.BOUNDARY_FACTOR || 1);

/** How many cases of each property are tried. */
const properties = {
  'native.property.js': { known: 1, calls: 700, texts: 1000, sessionReader: 1000 },
  'objects.property.js': { known: 1, classes: 400, memory: 300, reentry: 300, options: 400 },
  'http.property.js': { headers: 150, values: 150 },
};

const child = path.join(__dirname, 'child.js');

/** In a folder in which a path that is made up may become a file. */
const tried = (args, env) => run(process.execPath, ['--expose-gc', child, ...args.map(String)], { env, cwd: temporaryFolder('boundary') });

for (const [file, names] of Object.entries(properties)) {
  for (const [name, runs] of Object.entries(names)) {
    test(`${file}: ${name}`, { skip: !isOurs }, async () => {
      const args = [file, name, seed, name === 'known' ? 1 : Math.ceil(runs * factor)];
      const { status, signal, stdout, stderr } = await tried(args);
      const repeat = `repeat it with BOUNDARY_SEED=${seed} BOUNDARY_FACTOR=${factor}`;
      if (status !== 0 || signal) {
        const again = await tried(args, { TRACE: '1' });
        assert.fail(`the process ended with ${signal || status}; ${repeat}\n${stderr.slice(-4000)}\nthe last that it tried: ${again.stderr.split('\ncase ').at(-1).slice(0, 4000)}`);
      }
      const { failure, numRuns } = JSON.parse(stdout);
      assert.equal(failure, undefined, `${failure}\n${repeat}`);
      assert.equal(numRuns, args[3]);
      // A panic that became an Error, as it should, is a fault all the same.
      assert.doesNotMatch(stderr, /panicked at/, repeat);
    });
  }
}
