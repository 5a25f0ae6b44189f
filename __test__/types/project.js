'use strict';

/**
 * Throw-away TypeScript projects. Each has a `node_modules` of its own, so that
 * the fixtures meet a package under the name a program imports it by, and next
 * to the `@types/express` version that the program has chosen.
 */
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { discard, temporaryFolder } = require('../../test-kit/folder');

const root = path.join(__dirname, '..', '..');
const fixtures = path.join(__dirname, 'fixtures');

/**
 * Found by hand, since `exports` may hide a package's package.json.
 * @param {string} name
 */
function installed(name) {
  const dir = module.paths.map((dir) => path.join(dir, name)).find((dir) => fs.existsSync(dir));
  if (!dir) throw new Error(`${name} is not installed`);
  return dir;
}

/** The compilers, by their major version. */
const compilers = {
  7: path.join(installed('typescript'), 'bin', 'tsc'),
  5: path.join(root, '__test__', 'companions', 'node_modules', 'typescript-5', 'bin', 'tsc'),
};

/** What `strict` leaves out and a careful program turns on. */
const strictest = {
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
};

/**
 * Symbolic links would be resolved to this repository, and `express` from
 * there. So a package whose types import express is copied.
 * @param {string} from
 * @param {string} to
 */
function copyTypes(from, to) {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    if (/^package\.json$|\.d\.[cm]?ts$/.test(entry.name)) {
      fs.copyFileSync(path.join(from, entry.name), path.join(to, entry.name));
    }
  }
}

/**
 * Copies the types of this package, as npm would install them.
 * @param {string} to
 */
function copyOurs(to) {
  copyTypes(root, to);
  copyTypes(path.join(root, 'session'), path.join(to, 'session'));
  // Made by the build, not part of the types under test.
  fs.rmSync(path.join(to, 'native.d.ts'), { force: true });
}

class Project {
  /**
   * @param {object} [options]
   * @param {4 | 5} [options.express] major version of `@types/express`
   * @param {'commonjs' | 'module'} [options.type] what a `.ts` file is to Node
   */
  constructor({ express = 5, type = 'commonjs' } = {}) {
    this.dir = temporaryFolder('session-types');
    this.write('package.json', JSON.stringify({ private: true, type }));
    fs.mkdirSync(path.join(this.dir, 'node_modules', '@types'), { recursive: true });
    this.link('@types/express', express === 4 ? '@types/express4' : '@types/express');
    this.link('@types/node', '@types/node');
    this.name = 'express-session';
  }

  /**
   * @param {string} name
   * @param {string} target an installed package
   */
  link(name, target) {
    fs.symlinkSync(installed(target), this.module(name), 'junction');
  }

  /** @param {string} name */
  module(name) {
    return path.join(this.dir, 'node_modules', name);
  }

  /** The types this package replaces: what they accept is the yardstick. */
  addIncumbent() {
    copyTypes(installed('@types/express-session'), this.module('@types/express-session'));
    return this;
  }

  /** @param {string} name the name that the fixtures then import */
  addOurs(name) {
    copyOurs(this.module(name));
    this.name = name;
    return this;
  }

  /**
   * @param {string} file
   * @param {string} text
   */
  write(file, text) {
    fs.writeFileSync(path.join(this.dir, file), text);
  }

  /**
   * Takes fixtures over, with the package's name in them changed to the one
   * that is installed.
   * @param {string[]} names
   * @param {(text: string) => string} [edit]
   */
  take(names, edit = (text) => text) {
    for (const name of names) {
      const text = fs.readFileSync(path.join(fixtures, name), 'utf8');
      this.write(name, edit(text.replace(/'express-session(?=['/])/g, `'${this.name}`)));
    }
    return this;
  }

  /**
   * Compiles the files named, and what they import.
   * @param {string[]} files
   * @param {object} [compilerOptions]
   * @param {5 | 7} [version] of the compiler; 5 is one of __test__/companions
   * @returns {string[]} one `file:line TScode message` for each error
   */
  compile(files, compilerOptions = {}, version = 7) {
    this.write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: { ...strictest, module: 'commonjs', ...compilerOptions },
        files,
      }),
    );
    const { status, stdout, stderr, error } = spawnSync(process.execPath, [compilers[version], '--pretty', 'false', '-p', this.dir], {
      cwd: this.dir,
      encoding: 'utf8',
    });
    if (error) throw error;
    const errors = [];
    for (const line of stdout.split(/\r?\n/)) {
      const [, file, row, code, message] = /^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/.exec(line) ?? [];
      if (code) errors.push(`${file.replace(/\\/g, '/')}:${row} ${code} ${message}`);
    }
    // Otherwise a compiler that cannot even start would pass for one without complaints.
    if ((status === 0) !== (errors.length === 0)) {
      throw new Error(`tsc ended with status ${status}:\n${stdout}${stderr}`);
    }
    return errors;
  }

  remove() {
    discard(this.dir);
  }
}

module.exports = { Project, copyTypes, fixtures, installed, root };
