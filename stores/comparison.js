'use strict';

const AS_ORIGINAL = 'as with the original';

/**
 * @typedef {{ checks?: object[], trace?: object[], error?: string }} Report
 * @typedef {{ check: string, text: string }} Difference
 */

/**
 * @param {Report} original of a run with express-session
 * @param {Report} other of another run
 * @returns {Difference[]} one for each check in which they differ
 */
function differences(original, other) {
  if (original.error || other.error) return errorDifferences(original, other);
  return original.checks.flatMap((check, index) => {
    const name = check.name;
    const text = checkDifference(check, other.checks[index])
      ?? traceDifference(original.trace[index].entries, other.trace[index].entries);
    return text ? [{ check: name, text: `${name}: ${text}` }] : [];
  });
}

/** A store that does not start with either package is as with the original too. */
function errorDifferences(original, other) {
  const [left, right] = [original, other].map(({ error }) => error?.split('\n')[0] ?? 'runs');
  return left === right ? [] : [{ check: 'start', text: `start: original: ${left}\n    other: ${right}` }];
}

function checkDifference(check, other) {
  if (check.status === other.status && check.message === other.message) return undefined;
  return `${told(check)}, with this package ${told(other)}`;
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

/**
 * What a row comes to. Checks that the original itself answers in one way or
 * another from run to run cannot tell anything about this package.
 *
 * @param {Report[]} originals one run, or more where the first differed from ours
 * @param {Report} ours
 * @param {string[]} varying checks known to vary
 * @returns {{ text: string, same: boolean, counts: number[][], failed: string[],
 *   details: string[] }}
 */
function compare(originals, ours, varying = []) {
  // One that did not start says nothing where another did.
  const started = originals.filter(({ error }) => !error);
  const [first, ...repeats] = started.length > 0 ? started : originals;
  const unsteady = new Set([...varying, ...repeats.flatMap((repeat) =>
    differences(first, repeat).map(({ check }) => check))]);
  const found = differences(first, ours).filter(({ check }) => !unsteady.has(check));
  return {
    same: found.length === 0,
    text: verdict(found, [...unsteady], first.error),
    counts: [count(first), count(ours)],
    failed: (first.checks ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name),
    details: found.map(({ text }) => text),
  };
}

function verdict(found, unsteady, error) {
  if (found.length > 0) return `differs in ${found.map(({ check }) => check).join(', ')}`;
  if (error) return `${AS_ORIGINAL}: does not run (${error.split('\n')[0]})`;
  if (unsteady.length > 0) return `${AS_ORIGINAL}, which varies in ${unsteady.join(', ')}`;
  return AS_ORIGINAL;
}

function count({ checks = [] }) {
  return ['passed', 'failed'].map((status) =>
    checks.filter((check) => check.status === status).length);
}

module.exports = { compare, differences };
