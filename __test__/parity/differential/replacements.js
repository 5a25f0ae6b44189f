'use strict';

/**
 * Draws into a scenario what its program replaces, when, and when it puts that back: from one
 * to four at once, before the app is there, between requests and within them, so that a
 * request may end in another way than it began.
 */
const { isFragile } = require('./options');
const { createRandom } = require('./random');
const { REPLACEABLE } = require('./replaceable');

/** Between the seed of a scenario and that of its replacements. */
const REPLACEMENT_SEEDS = 2_000_000_011;

function addReplacements(scenario) {
  const random = createRandom(scenario.seed + REPLACEMENT_SEEDS);
  const { chance, int, pick, weighted } = random;
  // what is thrown while a session is made is thrown once in one package, and often in the other
  const names = Object.keys(REPLACEABLE).filter((name) => !(name.startsWith('Cookie') && isFragile(scenario.options)));
  for (let left = weighted([[3, 1], [3, 2], [3, 3], [1, 4]]); left > 0; left--) {
    const [name] = names.splice(int(0, names.length - 1), 1);
    const { isAdded, isFixed } = REPLACEABLE[name];
    const marks = marksOf(name, scenario);
    if (isAdded && marks.length === 0) continue;
    const mark = marks.length > 0 && (isAdded || chance(0.5)) ? pick(marks) : 'none';
    const replacement = { do: 'replace', name, mark, in: mark !== 'none' || chance(0.5) ? 'both' : 'ours' };
    if (isFixed && mark !== 'none') {
      scenario.replaced.push(replacement);
      continue;
    }
    const first = place(random, scenario, replacement, pick(['start', 'between', 'handler', 'handler']), 0);
    if (chance(0.5)) place(random, scenario, { do: 'restore', name }, pick(['between', 'handler', 'handler']), first);
  }
  // what came of it shows in the store
  for (const request of scenario.requests) request.inspect ||= chance(0.5);
  return scenario;
}

/** The marks that are the same in both packages. */
function marksOf(name, { habits }) {
  // a MemoryStore of ours answers the request that a setter handles sooner
  if (habits.includes('setter for the id')) return [];
  return REPLACEABLE[name].marks;
}

/**
 * Puts an action into a scenario, at the earliest in request `from`.
 * @returns {number} the request that it is in, or that comes after it
 */
function place({ int }, scenario, action, when, from) {
  if (when === 'start') {
    scenario.replaced.push(action);
    return 0;
  }
  const at = int(from, scenario.requests.length - 1);
  const { before, steps } = scenario.requests[at];
  if (when === 'between') before.push(action);
  else steps.splice(int(0, steps.length), 0, ...(isWaking(action) ? [{ do: 'peek', key: 'count' }] : []), action);
  return at;
}

/** Whether a session that is made later than this would differ from one that is there. */
function isWaking({ name, mark }) {
  return Boolean(mark) && mark !== 'none' && Boolean(REPLACEABLE[name].isOfNew);
}

module.exports = { addReplacements };
