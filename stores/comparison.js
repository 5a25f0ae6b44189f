'use strict';

const AS_ORIGINAL = 'as with the original';
/** Pairs of runs, of three, that must agree where express-session does not vary. */
const ENOUGH = 2;

/**
 * @typedef {{ checks?: object[], trace?: object[], error?: string }} Report of one run
 * @typedef {{ original: Report, ours: Report }} Pair of runs at the same time
 */

/**
 * @param {Pair[]} pairs
 * @param {string[]} varying checks known to vary
 * @returns {boolean} whether more runs can tell more: some check has been answered
 *   by this package as express-session never did
 */
function isOpen(pairs, varying) {
  return judge(pairs, varying).some(({ verdict }) => verdict === 'differs');
}

/**
 * What a row comes to. A store may answer a check in one way or another from run
 * to run; that excuses a difference only where express-session was seen to vary
 * in that check, and this package to answer as it did in one of its runs. On a busy
 * machine a session may expire before it is asked for: one run of three may differ
 * alone, and the verdict says so.
 *
 * @param {Pair[]} pairs one, or more where the first two differed
 * @param {string[]} varying checks known to vary, which are not compared
 * @returns {{ text: string, same: boolean, counts: number[][], failed: string[],
 *   messages: string[], details: string[] }} `failed` and `messages` are of express-session's run
 */
function compare(pairs, varying = []) {
  const judged = judge(pairs, varying);
  const differing = judged.filter(({ verdict }) => verdict === 'differs');
  const [unsteady, odd] = ['varies', 'once'].map((kind) =>
    judged.filter(({ verdict }) => verdict === kind).map(({ check }) => check));
  const { original, ours } = pairs.find((pair) => !pair.original.error) ?? pairs[0];
  const failures = (original.checks ?? []).filter(({ status }) => status === 'failed');
  return {
    same: differing.length === 0,
    text: verdictText(differing, unsteady, odd, original.error),
    counts: [count(original), count(ours)],
    failed: failures.map(({ name }) => name),
    messages: failures.map((failure) => `${failure.name}: ${told(failure)}`),
    details: differing.map(({ check, text }) => `${check}: ${text}`),
  };
}

/** @returns {{ check: string, verdict: 'same' | 'varies' | 'once' | 'differs', text?: string }[]} */
function judge(pairs, varying) {
  const originals = pairs.map(({ original }) => answersOf(original));
  const ours = pairs.map((pair) => answersOf(pair.ours));
  // A run that did not start has no checks, and says nothing where another did.
  const names = new Set([...originals, ...ours].flatMap((answers) => [...answers.keys()]));
  if (names.size > 1) names.delete('start');
  return [...names].map((check) => {
    if (varying.includes(check)) return { check, verdict: 'varies' };
    const [left, right] = [originals, ours].map((runs) => runs.map((answers) => answers.get(check)));
    if (difference(left[0], right[0]) === undefined) return { check, verdict: 'same' };
    const isVarying = left.some((answer) => difference(left[0], answer) !== undefined);
    const isKnown = right.some((mine) => left.some((answer) => difference(answer, mine) === undefined));
    if (isVarying && isKnown) return { check, verdict: 'varies' };
    const agreeing = left.filter((answer, index) => difference(answer, right[index]) === undefined).length;
    if (agreeing >= ENOUGH) return { check, verdict: 'once' };
    return { check, verdict: 'differs', text: difference(left[0], right[0]) };
  });
}

/**
 * @param {Report} report
 * @returns {Map<string, { status: string, message: string, entries: object[] }>} check by check
 */
function answersOf({ error, checks, trace }) {
  // A store that does not start with either package is as with the original too.
  if (error) return new Map([['start', { status: 'ended', message: error.split('\n')[0], entries: [] }]]);
  return new Map(checks.map(({ name, status, message }, index) =>
    [name, { status, message, entries: trace[index].entries }]));
}

/** @returns {string | undefined} in what they differ */
function difference(answer, other) {
  if (!answer || !other) return answer === other ? undefined : 'one of the two did not get that far';
  if (answer.status === other.status && answer.message === other.message) {
    return traceDifference(answer.entries, other.entries);
  }
  return `${told(answer)}, with this package ${told(other)}`;
}

function told({ status, message }) {
  return message ? `${status} (${message.replace(/\s+/g, ' ')})` : status;
}

/** The first only: what follows it often follows from it. */
function traceDifference(entries, others) {
  const length = Math.max(entries.length, others.length);
  for (let i = 0; i < length; i += 1) {
    const [left, right] = [entries[i], others[i]].map((entry) => JSON.stringify(entry) ?? 'nothing');
    if (left !== right) {
      return `another sequence from number ${i + 1} on\n    original: ${left}\n    package:  ${right}`;
    }
  }
  return undefined;
}

function verdictText(differing, unsteady, odd, error) {
  if (differing.length > 0) return `differs in ${differing.map(({ check }) => check).join(', ')}`;
  if (error) return `${AS_ORIGINAL}: does not run (${error.split('\n')[0]})`;
  const told = unsteady.length > 0 ? `${AS_ORIGINAL}, which varies in ${unsteady.join(', ')}` : AS_ORIGINAL;
  return odd.length > 0 ? `${told}; one run of three differed in ${odd.join(', ')}` : told;
}

function count({ checks = [] }) {
  return ['passed', 'failed'].map((status) =>
    checks.filter((check) => check.status === status).length);
}

module.exports = { compare, isOpen };
