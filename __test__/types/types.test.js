'use strict';

// Not in check: it takes long.

/**
 * index.d.ts under `tsc --strict`. The same fixtures go through
 * @types/express-session first: what that package accepts, ours has to accept.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const installCompanions = require('../companions/install');
const { Project, copyTypes, fixtures, installed, root } = require('./project');

/** Each way in which a program gets the package's types. */
const subjects = {
  '@types/express-session': (project) => project.addIncumbent(),
  'ours as express-session': (project) => project.addOurs('express-session'),
  'ours as express-session-rs': (project) => project.addOurs('express-session-rs'),
};
const ours = Object.keys(subjects).slice(1);

/**
 * Module systems; `commonjs` resolves as bundlers do, since TypeScript 6. `node16` and `nodenext`
 * differ in nothing that these types have.
 */
const modes = {
  'node16, CommonJS': { type: 'commonjs', module: 'node16' },
  'nodenext, ESM': { type: 'module', module: 'nodenext' },
  bundler: { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
};

/**
 * @param {object} options of Project
 * @param {(project: Project) => void} use
 */
function withProject(options, use) {
  const project = new Project(options);
  try {
    use(project);
  } finally {
    project.remove();
  }
}

/** Fixtures that the incumbent accepts, and the files they share. */
const accepted = ['app.ts', 'augmented.ts', 'stores.ts', 'readers.ts', 'required.ts', 'rejected.ts'];
const shared = ['augment.ts', 'same.ts'];

for (const express of [4, 5]) {
  for (const [subject, add] of Object.entries(subjects)) {
    test(`${subject}, Express ${express}: whole programs`, () => {
      withProject({ express }, (project) => {
        add(project).take([...accepted, ...shared]);
        assert.deepEqual(project.compile(accepted), []);
      });
    });
  }
}

for (const express of [4, 5]) {
  for (const subject of ours) {
    test(`${subject}, Express ${express}: additions and deep imports`, () => {
      const files = ['additions.ts', 'deep.ts', 'deep-required.ts', 'wrappers.ts'];
      withProject({ express }, (project) => {
        subjects[subject](project).take([...files, ...shared]);
        assert.deepEqual(project.compile(files), []);
      });
    });
  }
}

test('a mistake is found where @types/express-session finds it, for the same reason', () => {
  // Without its marker each line reports itself, and a second error cannot hide behind the first.
  const unmarked = (text) => text.replace(/@ts-expect-error/g, 'expected:');
  const found = Object.entries(subjects).map(([, add]) => {
    let errors;
    withProject({}, (project) => {
      add(project).take(['rejected.ts', ...shared], unmarked);
      errors = project.compile(['rejected.ts']);
    });
    // Our methods have overloads: TS2769 says of these what TS2345 says of a single signature.
    return errors.map((error) => error.split(' ', 2).join(' ').replace('TS2769', 'TS2345')).sort();
  });
  const marked = fs.readFileSync(path.join(fixtures, 'rejected.ts'), 'utf8').match(/@ts-expect-error/g);
  assert.ok(found[0].length >= marked.length);
  assert.deepEqual(found[1], found[0]);
  assert.deepEqual(found[2], found[0]);
});

for (const [mode, { type, ...compilerOptions }] of Object.entries(modes)) {
  for (const [subject, add] of Object.entries(subjects)) {
    test(`${subject}: ${mode}`, () => {
      const files = ['named.ts', 'app.ts'];
      if (type === 'commonjs') files.push('required.ts');
      if (subject.startsWith('ours')) files.push('deep.ts');
      if (subject.startsWith('ours') && type === 'commonjs') files.push('deep-required.ts');
      withProject({ type }, (project) => {
        add(project).take([...files, ...shared]);
        assert.deepEqual(project.compile(files, compilerOptions), []);
      });
    });
  }
}

for (const subject of Object.keys(subjects)) {
  test(`${subject}: verbatimModuleSyntax`, () => {
    withProject({}, (project) => {
      subjects[subject](project).take(['required.ts']);
      assert.deepEqual(project.compile(['required.ts'], { module: 'nodenext', verbatimModuleSyntax: true }), []);
    });
  });
}

test('a published package that augments express-session augments ours', () => {
  withProject({}, (project) => {
    project.addOurs('express-session');
    copyTypes(installed('csrf-sync'), project.module('csrf-sync'));
    copyTypes(path.join(installed('csrf-sync'), 'lib'), path.join(project.module('csrf-sync'), 'lib'));
    project.link('@types/http-errors', '@types/http-errors');
    project.write(
      'csrf.ts',
      `import { csrfSync } from 'csrf-sync';
       import express from 'express';
       import session from 'express-session';
       const { csrfSynchronisedProtection } = csrfSync({ getTokenFromState: (req) => req.session.csrfToken });
       const app = express();
       app.use(session({ secret: 'one' }), csrfSynchronisedProtection);
       export const token = (data: session.SessionData): string | null | undefined => data.csrfToken;`,
    );
    assert.deepEqual(project.compile(['csrf.ts'], { module: 'node16' }), []);
  });
});

test('one `paths` entry makes both names the same types', () => {
  withProject({}, (project) => {
    project.addOurs('express-session-rs');
    project.write(
      'names.ts',
      `import express from 'express';
       import session from 'express-session-rs';
       import { SessionData, Store } from 'express-session';
       declare module 'express-session' { interface SessionData { views: number } }
       declare module 'express-session-rs' { interface SessionData { user: string } }
       express().use(session({ secret: 'one' }), (req) => {
         const views: number | undefined = req.session.views;
         const user: string | undefined = req.session.user;
         const store: Store = req.sessionStore;
         const data: SessionData = { cookie: req.session.cookie, views: views ?? 0, user: user ?? '' };
         store.set(req.sessionID, data);
       });`,
    );
    const paths = { 'express-session': ['./node_modules/express-session-rs/index.d.ts'] };
    assert.deepEqual(project.compile(['names.ts'], { paths }), []);
  });
});

/** What a program gets when it installs connect-redis beside ours: the original comes with it, and has no types. */
function addRedisStore(project) {
  copyTypes(installed('connect-redis'), project.module('connect-redis'));
  copyTypes(path.join(installed('connect-redis'), 'dist'), path.join(project.module('connect-redis'), 'dist'));
  project.link('redis', 'redis');
  fs.mkdirSync(project.module('express-session'));
  project.write('node_modules/express-session/index.js', '');
  project.write(
    'wrapped.ts',
    `import session from 'express-session-rs';
     import ofRedis from 'express-session-rs/redis.js';
     import ofPostgres from 'express-session-rs/postgres.js';
     import { RedisStore } from 'connect-redis';
     import { createClient } from 'redis';
     declare module 'express-session-rs' { interface SessionData { views: number } }
     const store = new RedisStore({ client: createClient() });
     const user = (data: session.SessionData) => String(data.views);
     const stores = [ofRedis(store), ofRedis(store, createClient()), ofRedis(store, { user }), ofPostgres(store), ofPostgres(store, { user })];
     export const handlers = stores.map((each) => session({ secret: 'one', store: each }));
     export const prefixes: string[] = stores.map((each) => each.prefix);
     export const plain = session({ secret: 'one', store });`,
  );
}

for (const version of [5, 7]) {
  test(`a store whose types ask for express-session, under our own name: TypeScript ${version}`, () => {
    installCompanions();
    withProject({}, (project) => {
      addRedisStore(project.addOurs('express-session-rs'));
      const compiled = (compilerOptions) => project.compile(['wrapped.ts'], compilerOptions, version).join('\n');
      const esModuleInterop = true;
      // Only what is not wrapped is no store.
      assert.match(compiled({ esModuleInterop, skipLibCheck: true }), /^wrapped\.ts:12 TS2740 .* missing the following properties from type 'Store'[^\n]*$/);
      const paths = { 'express-session': ['./node_modules/express-session-rs/index.d.ts'] };
      assert.equal(compiled({ esModuleInterop, paths }), '');
      // The older compiler takes five seconds each time.
      if (version === 5) return;
      assert.match(compiled({ esModuleInterop }), /TS7016/);

      // Another package has brought the types of the original.
      project.addIncumbent();
      assert.match(compiled({ esModuleInterop, skipLibCheck: true }), /^wrapped\.ts:12 TS2375 .* is not assignable to type 'Store'[^\n]*$/);
      assert.equal(compiled({ esModuleInterop, paths }), '');
    });
  });
}

test('with both packages in a program, skipLibCheck lets it compile and ours is the store of the original', () => {
  withProject({}, (project) => {
    project.addIncumbent().addOurs('express-session-rs');
    project.write(
      'both.ts',
      `import ours from 'express-session-rs';
       import theirs from 'express-session';
       const store: theirs.Store = new theirs.MemoryStore();
       const library: typeof theirs = ours;
       const options: ours.SessionOptions = {} as theirs.SessionOptions;
       const back: theirs.SessionOptions = {} as ours.SessionOptions;
       const data: ours.SessionData = {} as theirs.SessionData;
       const session: ours.Session = {} as theirs.Session;
       const cookie: theirs.Cookie = new ours.Cookie();
       export const handler = ours({ secret: 'one', store });
       export { library, options, back, data, session, cookie };`,
    );
    assert.deepEqual(project.compile(['both.ts'], { skipLibCheck: true }), []);
  });
});

test('under the alias, @types/express-session left behind does no harm with skipLibCheck', () => {
  withProject({}, (project) => {
    project.addIncumbent().addOurs('express-session').take([...accepted, 'additions.ts', ...shared]);
    const compilerOptions = { skipLibCheck: true, types: ['node', 'express-session'] };
    assert.deepEqual(project.compile([...accepted, 'additions.ts'], compilerOptions), []);
  });
});

test('everything that the original has at run time has a type', () => {
  const original = require('express-session');
  const lines = ["import session from 'express-session';"];
  for (const [name, Class] of Object.entries(original)) {
    lines.push(`session.${name};`);
    for (const member of Object.getOwnPropertyNames(Class.prototype)) {
      if (member !== 'constructor') lines.push(`session.${name}.prototype.${member};`);
    }
  }
  assert.ok(lines.length > 20, `only ${lines.length} names`);
  withProject({}, (project) => {
    project.addOurs('express-session');
    project.write('names.ts', lines.join('\n'));
    assert.deepEqual(project.compile(['names.ts']), []);
  });
});

test('the examples in index.d.ts compile', () => {
  // Some begin in the middle of a handler.
  const surroundings = [
    "import crypto from 'node:crypto';",
    "import express from 'express';",
    "import session from 'express-session';",
    "declare module 'express-session' { interface SessionData { user: string } }",
    'declare const secret: string, user: string, value: string;',
    'declare const req: express.Request, res: express.Response, next: express.NextFunction;',
    "declare const sessions: session.Sessions, oldStore: session.Store, socket: import('node:events').EventEmitter & { close(): void };",
  ];
  const text = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8');
  const examples = [...text.matchAll(/\* @example\n([^]*?)\*\//g)].map(([, lines]) => lines.replace(/^ *\* ?/gm, ''));
  assert.ok(examples.length >= 5, `only ${examples.length} examples`);
  withProject({}, (project) => {
    project.addOurs('express-session');
    const files = examples.map((example, index) => {
      const lines = example.includes('import ') ? [example] : [...surroundings, example];
      project.write(`${index}.ts`, lines.join('\n').replaceAll("'express-session-rs'", "'express-session'"));
      return `${index}.ts`;
    });
    assert.deepEqual(project.compile(files, { noPropertyAccessFromIndexSignature: false }), []);
  });
});

test('the package ships its types', () => {
  const { types, files } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  assert.equal(types, 'index.d.ts');
  assert.ok(files.includes('index.d.ts'));
  assert.ok(files.includes('session/'));
});
