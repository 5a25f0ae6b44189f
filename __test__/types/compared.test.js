'use strict';

/**
 * Each type that @types/express-session exports, and each of its members, against ours of
 * that name: either can stand for the other, but for the differences that are listed here.
 * The compiler says which types and members there are, so that none can be forgotten.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');

const installCompanions = require('../companions/install');
const { Project, installed } = require('./project');

const TO_OURS = 'theirs is no ours';
const TO_THEIRS = 'ours is no theirs';

const REQUEST = 'a session can be made without a whole request';
const BY_CALL = 'can be called by stores that are written without class';

/** What is meant to differ, and why. */
const meant = {
  [`session: ${TO_OURS}`]: 'a call takes more: a read-only list of secrets, sameSite "auto", a maxAge of null',
  [`typeof Session: ${TO_OURS}`]: 'programs may construct it',
  [`Session.touch, arguments: ${TO_THEIRS}`]: 'may be false',
  [`Session.destroy, arguments: ${TO_THEIRS}`]: 'the callback may be left out',
  [`typeof Cookie, arguments: ${TO_THEIRS}`]: 'its options have a type',
  [`typeof Store: ${TO_OURS}`]: BY_CALL,
  [`Store.createSession, arguments: ${TO_THEIRS}`]: REQUEST,
  [`Express.SessionStore.createSession, arguments: ${TO_THEIRS}`]: REQUEST,
  [`typeof MemoryStore: ${TO_OURS}`]: BY_CALL,
  [`MemoryStore: ${TO_OURS}`]: 'has more methods',
  [`MemoryStore.createSession, arguments: ${TO_THEIRS}`]: REQUEST,
};

let project;
let compared;

before(() => {
  installCompanions();
  // Both declare members of `Express.Request`, of which one program can have but one's: theirs
  // are in `Theirs.Request` here.
  const text = fs.readFileSync(path.join(installed('@types/express-session'), 'index.d.ts'), 'utf8');
  const theirs = text.replace('namespace Express {', 'namespace Theirs {');
  assert.notEqual(theirs, text);
  project = new Project().addOurs('ours');
  fs.mkdirSync(project.module('theirs'));
  project.write('node_modules/theirs/index.d.ts', theirs);
  compared = pairs(path.join(project.module('theirs'), 'index.d.ts'));
});
after(() => project?.remove());

/**
 * @param {string} file the declarations of theirs
 * @returns {Array<{ label: string, theirs: string, ours: string }>} types to be compared
 */
function pairs(file) {
  const ts = require('../companions/node_modules/typescript-5');
  const program = ts.createProgram([file], { strict: true, types: ['node'], typeRoots: [project.module('@types')] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const isTheirs = ({ declarations }) => declarations.some((each) => each.getSourceFile() === source);
  const isPrivate = ({ declaration }) => declaration && ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private;

  const found = [];
  /** @param {(name: string, global: string) => string} type of a package by its name, and that of its global namespace */
  const compare = (label, type) => {
    found.push({ label, theirs: type('theirs', 'Theirs'), ours: type('ours', 'Express') });
  };
  /** Parameters as well: those of methods are compared loosely, where methods are. */
  const compareCalls = (label, type) => {
    compare(`${label}, arguments`, (...names) => `Parameters<Extract<${type(...names)}, (...given: any) => any>>`);
  };
  const compareType = (symbol, label, type) => {
    compare(label, type);
    for (const member of checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).filter(isTheirs)) {
      const ofMember = (...names) => `${type(...names)}['${member.name}']`;
      compare(`${label}.${member.name}`, ofMember);
      const all = checker.getNonNullableType(checker.getTypeOfSymbol(member));
      const isCalled = (all.types ?? [all]).some((each) => each.getCallSignatures().length > 0);
      if (isCalled) compareCalls(`${label}.${member.name}`, ofMember);
    }
  };
  const compareValue = (symbol, label, type) => {
    compare(label, type);
    const all = checker.getTypeOfSymbol(symbol);
    if (all.getCallSignatures().length > 0) compareCalls(label, type);
    const made = all.getConstructSignatures();
    if (made.length > 0 && !made.some(isPrivate)) {
      compare(`${label}, arguments`, (...names) => `ConstructorParameters<${type(...names)}>`);
    }
  };

  const module = checker.getSymbolAtLocation(source);
  compareValue(checker.getAliasedSymbol(module.exports.get('export=')), 'session', (name) => `typeof ${name}`);
  for (const symbol of checker.getExportsOfModule(module)) {
    if (symbol.flags & ts.SymbolFlags.Type) compareType(symbol, symbol.name, (name) => `${name}.${symbol.name}`);
    if (symbol.flags & ts.SymbolFlags.Value) compareValue(symbol, `typeof ${symbol.name}`, (name) => `typeof ${name}.${symbol.name}`);
  }
  const added = checker.getSymbolsInScope(source, ts.SymbolFlags.Namespace).find(({ name }) => name === 'Theirs');
  for (const symbol of added.exports.values()) {
    compareType(symbol, `Express.${symbol.name}`, (name, global) => `${global}.${symbol.name}`);
  }
  return found;
}

/**
 * @param {5 | 7} [version] of the compiler
 * @returns {string[]} the pairs that are not assignable, with the direction in which they are not
 */
function differences(version) {
  const lines = [
    "import ours = require('ours');",
    "import theirs = require('theirs');",
    // As programs add to them.
    "declare module 'ours' { interface SessionData { views: number } }",
    "declare module 'theirs' { interface SessionData { views: number } }",
  ];
  const labels = new Map();
  for (const { label, ours, theirs } of compared) {
    for (const [direction, from, to] of [[TO_OURS, theirs, ours], [TO_THEIRS, ours, theirs]]) {
      const n = lines.length;
      lines.push(`declare const from${n}: ${from}; export const to${n}: ${to} = from${n};`);
      labels.set(lines.length, `${label}: ${direction}`);
    }
  }
  project.write('compared.ts', lines.join('\n'));
  const errors = project.compile(['compared.ts'], {}, version);
  return errors.map((error) => {
    const label = labels.get(Number(/^compared\.ts:(\d+) /.exec(error)?.[1]));
    assert.ok(label, error);
    return label;
  }).sort();
}

for (const version of [5, 7]) {
  test(`ours and theirs are the same, but for what is meant to differ: TypeScript ${version}`, () => {
    assert.deepEqual(differences(version), Object.keys(meant).sort());
  });
}

test('what a program does with the types of session itself', () => {
  project.write('wrapper.ts', `
    import express = require('express');
    import session = require('ours');
    type Options = NonNullable<Parameters<typeof session>[0]>;
    const options: session.SessionOptions = {} as Options;
    const wrapper = (...args: Parameters<typeof session>): express.RequestHandler => session(...args);
    function wrapped<Args extends unknown[], Result>(call: (...args: Args) => Result): (...args: Args) => Result {
      return call;
    }
    const call: (options?: session.SessionOptions) => express.RequestHandler = wrapped(session);
    export const all = [wrapper({ secret: 'one' }), call(options), session.bind(null)({ secret: 'one' })];`);
  assert.deepEqual(project.compile(['wrapper.ts']), []);
});

test('a name that is forgotten is found', () => {
  const file = path.join(project.module('ours'), 'index.d.ts');
  const text = fs.readFileSync(file, 'utf8');
  const edited = text.replace(/^ +unset\?: .*$/m, '').replace(/^ +type SessionStore = .*$/m, '').replace(': SessionStore;', ': session.Store;');
  fs.writeFileSync(file, edited);
  try {
    const found = differences(7).filter((label) => !Object.hasOwn(meant, label));
    for (const label of ['SessionOptions.unset', 'Express.SessionStore', 'Express.Request.sessionStore']) {
      assert.ok(found.some((each) => each.startsWith(label)), `${label} is not in ${found}`);
    }
  } finally {
    fs.writeFileSync(file, text);
  }
});
