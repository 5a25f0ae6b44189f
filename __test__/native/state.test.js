'use strict';

/**
 * What one request leaves in a module, the next one finds there. So what is declared at the
 * top of a module of `session/` is written to by no function: what belongs to a request, a
 * store or a `session()` stands in an object of its own.
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');

/** What is meant to be there for the whole process, and why. */
const MEANT = {
  'session/store/connection.js: connections': 'of each store one connection, however many middlewares have the store; asked once, when a middleware is made',
  'session/request/touches.js: tables': 'of each store one table, however many middlewares have the store; asked once, when a middleware is made',
  'session/store/hashed-ids.js: known': 'of each store one wrapper, however many middlewares have the store; asked once, when a middleware is made',
  'session/store/hashed-ids.js: WITH_ID': 'a list of names, in a list of lists that is read',
  'session/store/hashed-ids.js: OF_WRAPPER': 'a list of names, in a list of lists that is read',
  'session/store/hashed-ids.js: WITH_SESSION': 'a list of names, in a list of lists that is read',
  'session/store/store.js: loads': 'of the sessions that were loaded without a request, those that are saved only if they are still there',
  'session/request/renew.js: underWay': 'of each store the ids that are renewed or ended at this moment, so that each request sees what the others do',
  'session/engine/options.js: hasWarned': 'a process is warned once',
  'session/cookie/problems.js: warned': 'a process is warned once of each kind of problem, of which there are five',
  'session/engine/disk-engine.js: engines': 'the open files of a thread, whose last changes are committed when it ends',
  'session/engine/disk-engine.js: forgotten': 'the registry that ends what is left of stores which nobody has any more',
  'session/engine/pruning.js: forgotten': 'the registry that ends the timers of stores which nobody has any more',
  'session/cookie/serialize.js: PRIORITIES': 'a table of words, given to a function that reads it',
  'session/cookie/serialize.js: SAME_SITES': 'a table of words, given to a function that reads it',
};

const [major] = process.versions.node.split('.').map(Number);
const skip = major < 20 && 'ESLint reads the files, and needs a newer Node.js';

/** The methods of containers and buffers that change nothing. */
const READS = new Set([
  'at', 'concat', 'entries', 'every', 'filter', 'find', 'findIndex', 'flat', 'flatMap', 'forEach', 'get', 'has', 'includes', 'indexOf',
  'join', 'keys', 'map', 'reduce', 'slice', 'some', 'subarray', 'toString', 'values',
]);

/** The methods that change the object they are called on, whatever made it. */
const WRITES = new Set([
  'add', 'append', 'clear', 'copyWithin', 'delete', 'fill', 'pop', 'push', 'register', 'reverse', 'set', 'shift', 'sort', 'splice', 'unregister', 'unshift', 'write',
]);

/** The functions that change their first argument. */
const WRITERS = /^(?:Object|Reflect)\.(?:assign|defineProperty|defineProperties|deleteProperty|set|setPrototypeOf)$|^Atomics\./;

/** Objects of the language that a module does not declare, and could keep something in. */
const GLOBALS = new Set(['module', 'exports', 'globalThis', 'global', 'process']);

/** An ESLint rule: what a function finds changed that was called before. */
const noState = {
  create(context) {
    const { sourceCode } = context;
    const report = (node, name) => context.report({ node, message: name });

    /** The function that a node is in, unless it is called where it stands, while the module is loaded. */
    const isInFunction = (node) => {
      for (let at = node; at.parent; at = at.parent) {
        const isFunction = /Function/.test(at.type);
        if (isFunction && !(at.parent.type === 'CallExpression' && at.parent.callee === at)) return true;
      }
      return false;
    };

    /** The whole of `a.b[c]` that begins with an object. */
    const chainOf = (node) => {
      let chain = node;
      while (chain.parent.type === 'MemberExpression' && chain.parent.object === chain) chain = chain.parent;
      return chain;
    };

    const isTarget = (chain) => {
      const { parent } = chain;
      switch (parent.type) {
        case 'AssignmentExpression': return parent.left === chain;
        case 'AssignmentPattern': return parent.left === chain;
        case 'UpdateExpression': case 'RestElement': case 'ArrayPattern': return true;
        case 'UnaryExpression': return parent.operator === 'delete';
        case 'Property': return parent.value === chain && parent.parent.type === 'ObjectPattern';
        case 'ForInStatement': case 'ForOfStatement': return parent.left === chain;
        default: return false;
      }
    };

    const nameOf = (member) => (member.computed ? member.property.value : member.property.name);
    const isCalled = (node) => node.parent.type === 'CallExpression' && node.parent.callee === node;

    /** Whether a use of an object changes it, as far as one can see. */
    const changes = (node) => {
      const chain = chainOf(node);
      if (chain !== node && isTarget(chain)) return true;
      if (chain !== node && isCalled(chain)) return WRITES.has(nameOf(chain));
      const { parent } = node;
      return parent.type === 'CallExpression' && parent.arguments[0] === node && WRITERS.test(sourceCode.getText(parent.callee));
    };

    /** Whether a use of a container does no more than read: what gets the container itself may write. */
    const onlyReads = (node) => {
      const { parent } = node;
      switch (parent.type) {
        case 'MemberExpression': return parent.object === node && (!isCalled(parent) || READS.has(nameOf(parent)));
        case 'ForInStatement': case 'ForOfStatement': return parent.right === node;
        case 'SpreadElement': return true;
        case 'BinaryExpression': return true;
        default: return false;
      }
    };

    /** Whether an expression makes something to put other things in, or memory to write into. */
    const isContainer = (init) => {
      switch (init?.type) {
        case 'ArrayExpression': case 'NewExpression': return true;
        // One that is not empty may be a table, or have methods.
        case 'ObjectExpression': return init.properties.length === 0;
        case 'CallExpression': return /^(?:Buffer|Array|Object)\.(?:alloc|allocUnsafe|allocUnsafeSlow|from|of|create|concat)$/.test(sourceCode.getText(init.callee));
        default: return false;
      }
    };

    const judge = (variable) => {
      const { name, defs: [definition], references } = variable;
      if (definition?.type === 'Variable' && definition.parent.kind !== 'const') {
        report(definition.name, name);
        return;
      }
      const init = definition?.type === 'Variable' && definition.node.id.type === 'Identifier' ? definition.node.init : undefined;
      for (const { identifier, init: isInit } of references) {
        if (isInit || !isInFunction(identifier)) continue;
        const isWritten = changes(identifier) || isTarget(identifier) || (isContainer(init) && !onlyReads(identifier));
        if (isWritten) {
          report(identifier, name);
          return;
        }
      }
    };

    return {
      'Program:exit'(program) {
        const { scopeManager } = sourceCode;
        const [module] = scopeManager.acquire(program).childScopes;
        module.variables.filter(({ name }) => name !== 'arguments').forEach(judge);
        // A block, or a function that is called while the module is loaded, is no better place.
        for (const scope of scopeManager.scopes) {
          if (scope === module || scope.type === 'global' || isInFunction(scope.block)) continue;
          for (const variable of scope.variables) {
            const isOuter = variable.references.some(({ from }) => isInFunction(from.block));
            if (isOuter) judge(variable);
          }
        }
        for (const { identifier, resolved } of [...scopeManager.globalScope.through, ...module.through]) {
          if (resolved?.defs.length || !GLOBALS.has(identifier.name) || !isInFunction(identifier)) continue;
          if (changes(identifier)) report(identifier, identifier.name);
        }
      },
      // `static` fields are the class's, of which there is one.
      'PropertyDefinition[static=true]'(field) { report(field, sourceCode.getText(field.key)); },
    };
  },
};

/** The names of what a module's functions write to. */
function stateIn(text, file = 'file.js') {
  const { Linter } = require('eslint');
  const messages = new Linter().verify(text, [{
    files: ['**/*.js'],
    languageOptions: { ecmaVersion: 2022, sourceType: 'commonjs' },
    linterOptions: { reportUnusedDisableDirectives: 'off', noInlineConfig: true },
    plugins: { own: { rules: { state: noState } } },
    rules: { 'own/state': 'error' },
  }], file);
  const failed = messages.find(({ ruleId }) => ruleId !== 'own/state');
  assert.equal(failed, undefined, `${file}: ${failed?.message}`);
  return [...new Set(messages.map(({ message }) => message))];
}

const files = ['index.js', 'postgres.js', 'redis.js', ...fs.readdirSync(path.join(root, 'session'), { recursive: true })
  .filter((name) => name.endsWith('.js'))
  .map((name) => path.posix.join('session', name.split(path.sep).join('/')))];

const textOf = (file) => fs.readFileSync(path.join(root, file), 'utf8');

test('no module keeps anything of a request', { skip }, () => {
  assert.ok(files.includes('session/backend/resident.js') && files.length > 30, `${files}`);
  const found = files.flatMap((file) => stateIn(textOf(file), file).map((name) => `${file}: ${name}`));
  assert.deepEqual(found.sort(), Object.keys(MEANT).sort());
});

test('a variable at the top of any module is found', { skip }, () => {
  for (const file of files) {
    const text = `${textOf(file)}\nlet lastOfAll;\nmodule.exports.keep = (it) => { lastOfAll = it; };\n`;
    assert.ok(stateIn(text, file).includes('lastOfAll'), file);
  }
});

/** What a module could keep something in. */
const KEPT = [
  'let it;',
  'let it = 0; function f() { return it; }',
  'var it;',
  'const it = new Map(); function f(key) { it.set(key, 1); }',
  'const it = new WeakMap(); const f = (key) => it.set(key, 1);',
  'const it = new Set(); class A { b() { it.add(this); } }',
  'const it = []; function f() { it.push(1); }',
  'const it = []; function f() { it.length = 0; }',
  'const it = []; function f() { [it[0]] = [1]; }',
  'const it = {}; function f() { it.last = 1; }',
  'const it = {}; function f(key) { delete it[key]; }',
  'const it = { n: 0 }; function f() { it.n++; }',
  'const it = { deep: {} }; function f() { it.deep.last = 1; }',
  'const it = {}; function f() { ({ a: it.a } = { a: 1 }); }',
  'const it = {}; function f() { for (it.a of []); }',
  'const it = {}; function f() { Object.assign(it, { a: 1 }); }',
  'const it = {}; function f() { g(it); }',
  'const it = Object.create(null); function f() { const other = it; other.a = 1; }',
  'const it = Buffer.alloc(8); function f() { it[0] = 1; }',
  'const it = Buffer.alloc(8); function f() { it.writeUInt8(1); }',
  'const it = Buffer.alloc(8); function f() { native.sessionReader(it); }',
  'const it = new Float64Array(8); function f() { return it.subarray(1).fill(0), it.fill(1); }',
  'const it = new Uint8Array(8); function f() { return { it }; }',
  'const it = make(); function f() { it.last = 1; }',
  'const it = require("x"); function f() { it.last = 1; }',
  'function it() { it.last = 1; }',
  'class it { static last; }',
  'class it { f() { it.last = 1; } }',
  'const f = (() => { let it = 0; return () => ++it; })();',
  'const f = (() => { const it = new Map(); return (key) => it.set(key, 1); })();',
  '{ let it = 0; module.exports = () => ++it; }',
  'function f() { module.exports.last = 1; }',
  'function f() { exports.last = 1; }',
  'function f() { globalThis.last = 1; }',
];

/** What is no such place. */
const FINE = [
  'const it = new Map([[1, 2]]); function f(key) { return it.get(key); }',
  'const it = []; it[1] = 2; it.push(3); function f(at) { return it[at]; }',
  'const it = [1]; function f() { for (const one of it) g(one); return [...it].map(String); }',
  'const it = "text"; function f() { return g(it); }',
  'function f() { let it = 0; it++; const list = []; list.push(it); return list; }',
  'class A { b() { this.c = 1; } }',
  'const it = { f() { this.a = 1; } }; module.exports = it;',
  'const it = require("x"); function f() { return it.set; }',
  'const it = { a() {} }; function f(req) { it.a(req); Object.defineProperty(req, "b", it); }',
  'for (let it = 0; it < 3; it++) g(it);',
];

for (const text of KEPT) test(`is found: ${text}`, { skip }, () => { assert.equal(stateIn(text).length, 1); });
for (const text of FINE) test(`is fine: ${text}`, { skip }, () => { assert.deepEqual(stateIn(text), []); });
