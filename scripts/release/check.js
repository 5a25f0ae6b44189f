'use strict';

// What a tag must be before anything is built for it: `node scripts/release/check.js v1.19.0`.
// Each fault is one line.
const fs = require('node:fs');
const path = require('node:path');
const { section } = require('./changelog');
const { root, versions } = require('./versions');

const [tag] = process.argv.slice(2);
const faults = faultsOf(tag);
for (const fault of faults) console.error(`Not released: ${fault}.`);
if (faults.length > 0) process.exitCode = 1;
else console.log(`${tag} can be released.`);

function faultsOf(tag) {
  const { version, places } = versions();
  const faults = places.filter((each) => each.version !== version)
    .map((each) => `${each.place} says ${each.version}, package.json says ${version}`);
  if (tag !== `v${version}`) faults.push(`the tag is ${tag}, package.json says ${version}`);
  try {
    section(fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'), version);
  } catch (error) {
    faults.push(error.message);
  }
  return faults;
}
