'use strict';

const { missing } = require('../../examples/redis/programs');

// A test process that is told to end, say by a watchdog, ends what it started.
process.once('SIGTERM', () => process.exit(1));

/**
 * @param {...string} names of the programs that a test starts
 * @returns {{ skip: string | false, how: string | undefined }} `how` says what is
 *   missing; in CI that is a failure, as otherwise nobody would notice
 */
function needs(...names) {
  const how = missing(names);

  return { how, skip: how !== undefined && process.env.CI !== 'true' && how };
}

module.exports = { needs };
