'use strict';

const { firstDifference } = require('../../parity/differential/compare');

/** Names the sids in the order in which they are seen, and drops what is undefined. */
function named(visits) {
  const names = new Map();
  const name = (sid) => names.get(sid) ?? names.set(sid, `sid ${names.size + 1}`).get(sid);
  return JSON.parse(JSON.stringify(visits).replace(/(?<![\w-])[\w-]{32}(?![\w-])/g, (sid) => (/^x+$/.test(sid) ? sid : name(sid))));
}

/** What the model leaves open of a visit is not compared. */
const foretold = (expected, visit) => Object.fromEntries(Object.entries(visit).filter(([name]) => expected?.[name] !== undefined));

module.exports = (expected, seen) => firstDifference(
  named(expected), named(seen.map((visit, index) => (visit.hang ? visit : foretold(expected[index], visit)))),
);
