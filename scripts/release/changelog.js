'use strict';

const fs = require('node:fs');
const path = require('node:path');

const HEADING = /^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$/;

/**
 * What a changelog says of a version.
 *
 * @param {string} text in the form of Keep a Changelog
 * @param {string} version
 * @returns {string} the section without its heading
 * @throws {Error} in one line, where there is no section, none with a date or nothing in it
 */
function section(text, version) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => HEADING.exec(line)?.[1] === version);
  if (start < 0) throw new Error(`CHANGELOG.md has no section for ${version}`);
  if (!HEADING.exec(lines[start])[2]) throw new Error(`CHANGELOG.md: the section for ${version} has no date (## [${version}] - YYYY-MM-DD)`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('## '));
  const body = rest.slice(0, end < 0 ? undefined : end).join('\n').trim();
  if (!body) throw new Error(`CHANGELOG.md: the section for ${version} is empty`);
  return body;
}

/**
 * Makes what is unreleased the section of a version, below a new and empty one.
 *
 * @param {string} text
 * @param {string} version
 * @param {string} date YYYY-MM-DD
 * @returns {string}
 * @throws {Error} if nothing is unreleased
 */
function dated(text, version, date) {
  if (!text.includes('\n## [Unreleased]\n')) throw new Error('CHANGELOG.md has no section "Unreleased"');
  const changed = text.replace('\n## [Unreleased]\n', `\n## [Unreleased]\n\n## [${version}] - ${date}\n`);
  section(changed, version);
  return changed;
}

module.exports = { section, dated };

// The text of the release on GitHub.
if (require.main === module) {
  const root = path.join(__dirname, '..', '..');
  const { version } = require('../../package.json');
  console.log(section(fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'), version));
}
