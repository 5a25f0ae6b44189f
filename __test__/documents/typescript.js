'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const installCompanions = require('../companions/install');
const { Project } = require('../types/project');

/** Compiles a block by `tsc --strict`, with this package under the name in its mark. */
async function typescript({ text, mark }) {
  const project = new Project().addOurs(mark || 'express-session-rs');
  try {
    project.write('block.ts', text);
    assert.deepEqual(project.compile(['block.ts'], { esModuleInterop: true }), []);
  } finally {
    project.remove();
  }
}

/** As compilers before TypeScript 5.5 have written it by themselves, beside an import. */
const REFERENCE = '/// <reference types="express-session" />\n';

/**
 * What a tsconfig.json is for. `isLeft`: another package has brought @types/express-session;
 * `without`: what TypeScript 5 says without the options.
 */
const configured = {
  'types under the alias': { name: 'express-session', isLeft: true, request: REFERENCE, without: /Duplicate identifier/ },
  'types under its own name': { name: 'express-session-rs', isLeft: true, request: '', without: /is not assignable/ },
  'paths': { name: 'express-session-rs', isLeft: false, request: '', without: /(?=[^]*(Could not find a declaration file|Cannot find module))[^]*is missing the following properties from type 'Store'/ },
};

/** Those of which it was seen that they are needed. */
const complaints = new Set();

/** Tries the `compilerOptions` of a block with each compiler, beside the types of a store. */
function tried({ compilerOptions, mark }) {
  installCompanions();
  assert.ok(Object.hasOwn(configured, mark), `no way to run: ${mark}`);
  const { name, isLeft, request, without } = configured[mark];
  const project = new Project().addOurs(name);
  try {
    if (isLeft) project.addIncumbent();
    bringStore(project, request);
    project.write('app.ts', `
      import express from 'express';
      import connect from 'connect-some';
      import session from '${name}';
      declare module '${name}' { interface SessionData { views: number } }
      const Store = connect(session);
      express().use(session({ secret: 'one', store: new Store(), storeTimeout: 1000 }), (req, res) => {
        const views: number | undefined = req.session.views;
        res.json(views);
      });`);
    // As a project has it that says nothing of types.
    const untold = { esModuleInterop: true, types: undefined };
    for (const version of [5, 7]) {
      assert.deepEqual(project.compile(['app.ts'], { ...untold, ...compilerOptions }, version), [], `TypeScript ${version}`);
    }
    if (complaints.has(mark)) return;
    assert.match(project.compile(['app.ts'], untold, 5).join('\n'), without);
    complaints.add(mark);
  } finally {
    project.remove();
  }
}

/** Types of a store, which its author published with @types/express-session. */
function bringStore(project, request) {
  fs.mkdirSync(project.module('@types/connect-some'));
  project.write('node_modules/@types/connect-some/package.json', '{ "name": "@types/connect-some", "version": "1.0.0" }');
  project.write('node_modules/@types/connect-some/index.d.ts', `${request}import session = require('express-session');
    declare function connect(given: typeof session): typeof connect.SomeStore;
    declare namespace connect {
      class SomeStore extends session.Store {
        get(sid: string, callback: (err: any, session?: session.SessionData | null) => void): void;
        set(sid: string, session: session.SessionData, callback?: (err?: any) => void): void;
        destroy(sid: string, callback?: (err?: any) => void): void;
      }
    }
    export = connect;`);
}

module.exports = { typescript, tried };
