'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { root } = require('./blocks');

/**
 * The links of a document to files and headings of this repository.
 * @param {string} file from the root of the repository
 * @returns {{ all: string[], broken: string[] }} as they are written
 */
function linksOf(file) {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const all = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link).filter((link) => !/^https?:/.test(link));
  const isBroken = (link) => {
    const [target, heading] = link.split('#');
    const place = target ? path.join(root, path.dirname(file), target) : path.join(root, file);
    return !fs.existsSync(place) || (heading !== undefined && !headings(place).includes(heading));
  };
  return { all, broken: all.filter(isBroken) };
}

module.exports = linksOf;

/** As GitHub makes anchors of them. */
function headings(file) {
  const lines = fs.readFileSync(file, 'utf8').match(/^#+ .*$/gm);
  return lines.map((line) => line.replace(/^#+ /, '').toLowerCase().replace(/[^\w\- ]/g, '').replace(/ /g, '-'));
}
