'use strict';

// Whether addons are what they are published as: `node scripts/binaries.js npm/*/*.node`.
// Whoever builds for all platforms can load only one of them.
const fs = require('node:fs');
const path = require('node:path');

/** The oldest glibc that the README names, which Rust's own library needs as well. */
const GLIBC = '2.17';

/** Pages of memory that arm64's Linux may have, in bytes: a segment on smaller ones does not load. */
const ARM64_PAGES = 0x10000;

const machines = {
  linux: { 62: 'x64', 183: 'arm64' },
  darwin: { 0x1000007: 'x64', 0x100000c: 'arm64' },
  win32: { 0x8664: 'x64', 0xaa64: 'arm64' },
};

/**
 * What is wrong with an addon.
 *
 * @param {string} file named as napi-rs does: `express-session-rs.linux-x64-gnu.node`
 * @returns {string[]} nothing, if it is as its name says
 */
function faults(file) {
  const name = path.basename(file).split('.').at(-2);
  const bytes = fs.readFileSync(file);
  const made = machine(bytes);
  if (!name.startsWith(`${made}-`) && name !== made) return [`is for ${made}`];
  return made.startsWith('linux-') ? [...libraryFaults(name, bytes), ...pageFaults(made, bytes)] : [];
}

/** `linux-x64`, say, by the head of the file. */
function machine(bytes) {
  const magic = bytes.length < 64 ? '' : bytes.toString('latin1', 0, 4);
  if (magic === '\x7fELF') return named('linux', bytes.readUInt16LE(18));
  if (magic === '\xcf\xfa\xed\xfe') return named('darwin', bytes.readUInt32LE(4));
  if (magic.startsWith('MZ')) return named('win32', bytes.readUInt16LE(bytes.readUInt32LE(60) + 4));
  return 'no platform';
}

function named(platform, number) {
  return `${platform}-${machines[platform][number] ?? `the machine ${number}`}`;
}

/** Every version of glibc that is asked for stands in the file as a text. */
function libraryFaults(name, bytes) {
  const versions = bytes.toString('latin1').match(/\bGLIBC_[\d.]+/g)?.map((text) => text.slice('GLIBC_'.length)) ?? [];
  if (name.endsWith('musl')) return versions.length > 0 ? ['is for glibc'] : [];
  if (versions.length === 0) return ['is not for glibc'];
  const newest = versions.sort(byVersion).at(-1);
  return byVersion(newest, GLIBC) > 0 ? [`needs glibc ${newest}, but ${GLIBC} must do`] : [];
}

function byVersion(one, other) {
  const [a, b] = [one, other].map((text) => text.split('.').map(Number));
  return a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0);
}

/** ELF's program headers: where they begin, how long each is, how many; PT_LOAD is 1. */
function pageFaults(made, bytes) {
  if (made !== 'linux-arm64') return [];
  const [start, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  const headers = Array.from({ length: count }, (_, at) => bytes.subarray(start + at * size, start + (at + 1) * size));
  const small = headers.some((header) => header.readUInt32LE(0) === 1 && header.readBigUInt64LE(48) < ARM64_PAGES);
  return small ? [`does not load where pages have ${ARM64_PAGES} bytes`] : [];
}

module.exports = faults;

if (require.main === module) {
  const files = process.argv.slice(2);
  const told = files.flatMap((file) => faults(file).map((fault) => `${file}: ${fault}`));
  if (files.length === 0) told.push('usage: node scripts/binaries.js FILE...');
  for (const line of told) console.error(line);
  if (told.length > 0) process.exitCode = 1;
}
