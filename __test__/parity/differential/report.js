'use strict';

const { shrink } = require('./shrink');

/**
 * What is to be read of a scenario on which the packages differ: where, how to replay it,
 * and a smaller one that differs as well.
 *
 * @param {object} scenario
 * @param {{ path: string, original: unknown, ours: unknown }} difference
 * @param {(scenario: object) => Promise<{ trace: object, difference?: object }>} compare
 * @returns {Promise<string>}
 */
async function report(scenario, difference, compare) {
  const smallest = await shrink(scenario, async (smaller) => Boolean((await compare(smaller)).difference));
  const { trace, difference: still = difference } = await compare(smallest);
  const [, , at] = still.path.split('/');
  const lines = [
    `seed ${scenario.seed} differs at ${difference.path}`,
    ...sides(difference),
    `replay: DIFF_SEED=${scenario.seed} DIFF_SCENARIOS=1`,
    `scenario: ${JSON.stringify(scenario)}`,
    `made smaller, it differs at ${still.path}`,
    ...sides(still),
    `smaller scenario: ${JSON.stringify(smallest, null, 2)}`,
  ];
  if (trace.requests[at]) lines.push(`the original's events there: ${JSON.stringify(trace.requests[at].events)}`);
  return `${lines.join('\n')}\n`;
}

function sides({ original: theirs, ours }) {
  return [`  original: ${JSON.stringify(theirs)}`, `  ours:     ${JSON.stringify(ours)}`];
}

module.exports = { report };
