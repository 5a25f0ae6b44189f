'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const faults = require('../../scripts/binaries');
const { temporaryFolder } = require('../../test-kit/folder');

/** A file named as the addon of a platform. */
function addon(t, name, bytes) {
  const folder = temporaryFolder('binaries', t);
  const file = path.join(folder, `express-session-rs.${name}.node`);
  fs.writeFileSync(file, bytes);
  return file;
}

/** As much of an ELF file as is looked at: one header of a segment, and the texts. */
function elf(machine, { texts = [], align = 0x10000, kind = 1 } = {}) {
  const head = Buffer.alloc(64 + 56);
  head.write('\x7fELF', 'latin1');
  head.writeUInt16LE(machine, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(kind, 64);
  head.writeBigUInt64LE(BigInt(align), 64 + 48);
  return Buffer.concat([head, Buffer.from(`\0${texts.join('\0')}\0`)]);
}

function machO(type) {
  const head = Buffer.alloc(64);
  head.writeUInt32LE(0xfeedfacf, 0);
  head.writeUInt32LE(type, 4);
  return head;
}

function pe(machine) {
  const head = Buffer.alloc(256);
  head.write('MZ', 'latin1');
  head.writeUInt32LE(128, 60);
  head.writeUInt16LE(machine, 128 + 4);
  return head;
}

const glibc = ['libc.so.6', 'GLIBC_2.2.5', 'GLIBC_2.17', 'GLIBC_2.3'];
const good = {
  'linux-x64-gnu': elf(62, { texts: glibc, align: 0x1000 }),
  'linux-arm64-gnu': elf(183, { texts: glibc }),
  'linux-x64-musl': elf(62, { texts: ['libc.so'], align: 0x1000 }),
  'linux-arm64-musl': elf(183, { texts: ['libc.so'] }),
  'darwin-x64': machO(0x01000007),
  'darwin-arm64': machO(0x0100000c),
  'win32-x64-msvc': pe(0x8664),
  'win32-arm64-msvc': pe(0xaa64),
};

test('each file passes under the name of its platform, and under no other', (t) => {
  assert.deepEqual(Object.keys(good).sort(), fs.readdirSync(path.join(__dirname, '..', '..', 'npm')).sort());
  for (const [platform, bytes] of Object.entries(good)) {
    for (const name of Object.keys(good)) {
      assert.equal(faults(addon(t, name, bytes)).length === 0, name === platform, `${platform} as ${name}`);
    }
  }
});

test('what is no library of any platform', (t) => {
  for (const bytes of ['', 'a text', '\x7fELF', 'MZ', Buffer.alloc(100)]) {
    assert.deepEqual(faults(addon(t, 'linux-x64-gnu', bytes)), ['is for no platform']);
  }
  assert.deepEqual(faults(addon(t, 'linux-x64-gnu', elf(243))), ['is for linux-the machine 243']);
});

test('a newer glibc than the README names', (t) => {
  for (const version of ['2.18', '2.34', '2.100', '3.0']) {
    const file = addon(t, 'linux-x64-gnu', elf(62, { texts: [...glibc, `GLIBC_${version}`, 'GLIBC_2.9'] }));
    assert.deepEqual(faults(file), [`needs glibc ${version}, but 2.17 must do`]);
  }
  const readme = fs.readFileSync(path.join(__dirname, '..', '..', 'README.md'), 'utf8');
  assert.ok(readme.includes('glibc from 2.17'));
});

test('segments that only the smaller pages of arm64 can have', (t) => {
  const told = (name, options) => faults(addon(t, name, elf(183, options)));
  assert.deepEqual(told('linux-arm64-musl', { align: 0x4000 }), ['does not load where pages have 65536 bytes']);
  // Others than those to be loaded may lie anywhere.
  assert.deepEqual(told('linux-arm64-musl', { align: 8, kind: 2 }), []);
});

test('the program names each file that is at fault, and fails', (t) => {
  const files = [addon(t, 'linux-x64-gnu', good['linux-x64-gnu']), addon(t, 'linux-x64-musl', good['linux-x64-gnu'])];
  const run = (...args) => spawnSync(process.execPath, [path.join(__dirname, '..', '..', 'scripts', 'binaries.js'), ...args], { encoding: 'utf8' });
  const { status, stderr } = run(...files);
  assert.deepEqual([status, stderr], [1, `${files[1]}: is for glibc\n`]);
  assert.equal(run(files[0]).status, 0);
  assert.equal(run().status, 1);
});
