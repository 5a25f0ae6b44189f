'use strict';

// Not in check: it installs a compiler.

/** What an editor shows over the options that everybody sets says what they mean, and sends nobody elsewhere. */
const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const installCompanions = require('../companions/install');
const { Project } = require('./project');

const program = `import session from 'express-session-rs';
session({
  secret: 'one',
  store: new session.MemoryStore(),
  cookie: { maxAge: 1000, sameSite: 'lax' },
});
session({ secret: ['one'], cookie: () => ({ maxAge: 1000, sameSite: 'lax' }) });
const options: session.SessionOptions = { secret: 'one', cookie: { maxAge: 1000, sameSite: 'lax' } };
`;

/** What the text over each option must speak of. */
const told = {
  secret: [/signs the cookie/, /every one verifies/, /randomBytes/],
  store: [/memory of this process/, /DiskStore/, /connect-redis/],
  cookie: [/HttpOnly/, /secure: true/, /trust proxy/],
  maxAge: [/milliseconds/, /a day/, /rolling/],
  sameSite: [/other sites/, /'lax'/, /'strict'/, /'none'/],
};

test('the hover texts of the options that everybody sets', () => {
  installCompanions();
  const ts = require('../companions/node_modules/typescript-5');
  const project = new Project().addOurs('express-session-rs');
  try {
    project.write('app.ts', program);
    const file = path.join(project.dir, 'app.ts');
    const service = ts.createLanguageService({
      ...ts.createCompilerHost({}),
      getCompilationSettings: () => ({ esModuleInterop: true, strict: true, moduleResolution: ts.ModuleResolutionKind.Node10, types: [] }),
      getScriptFileNames: () => [file],
      getScriptVersion: () => '1',
      getScriptSnapshot: (name) => (ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(ts.sys.readFile(name)) : undefined),
      getCurrentDirectory: () => project.dir,
    });
    assert.deepEqual(service.getSemanticDiagnostics(file).map(({ messageText }) => messageText), []);
    const seen = {};
    for (const { 0: name, index } of program.matchAll(/\b(?:secret|store|cookie|maxAge|sameSite)(?=: )/g)) {
      const { documentation, tags = [] } = service.getQuickInfoAtPosition(file, index);
      const text = ts.displayPartsToString(documentation);
      for (const words of told[name]) assert.match(text, words, `${name} at ${index}`);
      assert.doesNotMatch(text + JSON.stringify(tags), /\{@link/, name);
      seen[name] = (seen[name] ?? 0) + 1;
    }
    assert.deepEqual(seen, { secret: 3, store: 1, cookie: 3, maxAge: 3, sameSite: 3 });
  } finally {
    project.remove();
  }
});
