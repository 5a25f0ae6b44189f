'use strict';

/**
 * The first place where two traces differ, or undefined.
 * @returns {{ path: string, original: unknown, ours: unknown } | undefined}
 */
function firstDifference(original, ours, path = '') {
  if (Object.is(original, ours)) return undefined;

  const bothObjects = isObject(original) && isObject(ours);
  if (!bothObjects || Array.isArray(original) !== Array.isArray(ours)) return { path, original, ours };

  // array entries come in order, so an extra event is found where it happened
  const names = Array.isArray(original)
    ? Array.from({ length: Math.max(original.length, ours.length) }, (_, index) => index)
    : [...new Set([...Object.keys(original), ...Object.keys(ours)])];

  for (const name of names) {
    const found = firstDifference(original[name], ours[name], `${path}/${name}`);
    if (found) return found;
  }
  return undefined;
}

function isObject(value) {
  return value !== null && typeof value === 'object';
}

module.exports = { firstDifference };
