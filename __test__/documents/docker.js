'use strict';

/**
 * Dockerfiles without an engine: each stage is a folder, in which the commands are run and
 * into which files are copied, and the server of the last one is visited and stopped, as
 * process 1 where this system lets a test have one.
 */
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { asInit } = require('../example/init');
const { blocks, root } = require('./blocks');
const { npm, succeed } = require('./installs');
const { Visitor } = require('../../test-kit/client');

/** What stands around the Dockerfile of a block, by its mark. */
const apps = {
  '': {
    devDependencies: {},
    files: (marked) => ({ 'server.js': marked('server.js') }),
  },
  'TypeScript': {
    devDependencies: { '@types/express': '*', '@types/node': '*', 'typescript': '*' },
    files: (marked) => ({
      // What is left of an older build must not come along.
      'dist/old.js': '',
      'tsconfig.json': JSON.stringify({
        compilerOptions: { rootDir: 'src', outDir: 'dist', module: 'nodenext', target: 'es2022', strict: true, types: ['node'] },
        include: ['src'],
      }),
      'src/server.ts': marked('server.js')
        .replace(/^const (\w+) = require\((.+)\);$/gm, 'import $1 from $2;')
        .replace('process.env.SECRET', 'process.env.SECRET!')
        .concat("\ndeclare module 'express-session' { interface SessionData { visits: number } }\n"),
    }),
  },
};

async function dockerfile({ file, text, mark }, folder, registry) {
  assert.ok(Object.hasOwn(apps, mark), `no way to run: ${mark}`);
  const marked = (name) => blocks(file).find((block) => block.mark === name).text;
  const context = path.join(folder, 'context');
  const { devDependencies, files } = apps[mark];
  for (const name of ['express', ...Object.keys(devDependencies).filter((each) => each !== 'typescript')]) registry.bringAll(name);
  const written = {
    'package.json': JSON.stringify({
      name: 'app', version: '1.0.0', scripts: { build: 'tsc' },
      dependencies: { 'express': '*', 'express-session': 'npm:express-session-rs@^1.19.0' }, devDependencies,
    }),
    // Of the developer's machine, which is another.
    'node_modules/express-session/index.js': 'throw new Error("a binary of another platform");',
    '.env': 'SECRET=x',
    ...files(marked),
  };
  for (const [name, content] of Object.entries(written)) {
    fs.mkdirSync(path.dirname(path.join(context, name)), { recursive: true });
    fs.writeFileSync(path.join(context, name), content);
  }
  await succeed(npm(['install', '--package-lock-only'], context, registry));
  const { place, command, env } = await build(text, { context, ignored: ignored(marked('.dockerignore')), folder, registry });

  for (const name of ['.env', 'dist/old.js', 'node_modules/typescript']) {
    assert.ok(!fs.existsSync(path.join(place, name)), `${name} came along`);
  }
  await serve({ place, command, env });
}

/** The lines of a .dockerignore, which are names at the top of the context. */
function ignored(text) {
  const names = text.trim().split('\n');
  for (const name of names) assert.match(name, /^[\w.-]+$/);
  return names;
}

/** Carries the instructions out. @returns what the image runs, and where */
async function build(text, { context, ignored, folder, registry }) {
  const stages = [];
  let command;
  for (const line of text.split('\n').filter(Boolean)) {
    const [, word, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    assert.ok(word, line);
    assert.equal(command, undefined, 'the command is not the last');
    const stage = stages.at(-1);
    if (word === 'FROM') {
      const [, image, name] = /^(node:\d+-[\w-]+)(?: AS (\w+))?$/.exec(rest) ?? [];
      assert.ok(image, line);
      const place = path.join(folder, `stage-${stages.length}`, 'app');
      fs.mkdirSync(place, { recursive: true });
      stages.push({ image, name, place, env: {} });
    } else if (word === 'COPY') {
      const words = rest.split(' ');
      const options = words.filter((each) => each.startsWith('--'));
      const [, from] = /--from=(\w+)/.exec(options.join(' ')) ?? [];
      const source = from && stages.slice(0, -1).find(({ name }) => name === from);
      assert.equal(Boolean(from), Boolean(source), line);
      copy(words.filter((each) => !options.includes(each)), { source, context, ignored, place: stage.place });
    } else if (word === 'RUN') {
      for (const each of rest.split(' && ')) {
        const [tool, ...args] = each.split(' ');
        assert.equal(tool, 'npm', line);
        await succeed(npm(args, stage.place, registry));
      }
    } else if (word === 'CMD') {
      command = JSON.parse(rest);
    } else if (word === 'ENV') {
      const [, name, value] = /^(\w+)=(\w+)$/.exec(rest) ?? [];
      assert.ok(name, line);
      stage.env[name] = value;
    } else {
      assert.match(line, /^(WORKDIR \/app|USER node)$/);
    }
  }
  // The binary of one C library does not load with the other.
  assert.equal(new Set(stages.map(({ image }) => /alpine$/.test(image))).size, 1);
  const { place, env } = stages.at(-1);
  assert.ok(command, 'there is no command');
  return { place, command, env };
}

/** From the context, or from `/app` of another stage. A folder's content, not itself. */
function copy(words, { source, context, ignored, place }) {
  const to = path.join(place, words.pop());
  for (const word of words) {
    const [base, name] = source ? [source.place, path.posix.relative('/app', word)] : [context, word];
    const from = path.join(base, name);
    const isFolder = fs.statSync(from).isDirectory();
    fs.cpSync(from, isFolder ? to : path.join(to, path.basename(from)), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (each) => source !== undefined || !ignored.includes(path.relative(context, each)),
    });
  }
}

/** The server answers, and ends by itself on SIGTERM, with a connection open. */
async function serve({ place, command: [program, ...args], env }) {
  assert.equal(program, 'node');
  const server = asInit([`--require=${path.join(root, '__test__', 'documents', 'contained.js')}`, ...args], {
    cwd: place, env: { ...process.env, SECRET: 'of the test', ...env },
  });
  try {
    const [, port] = await server.printed(/^listening on (\d+)$/m);
    // Its connection stays open.
    const agent = new http.Agent({ keepAlive: true });
    const visitor = new Visitor(Number(port), { agent });
    for (const visits of [1, 2]) assert.equal((await visitor.get('/')).body, `Visit number ${visits}`);
    server.kill('SIGTERM');
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    agent.destroy();
  } finally {
    server.kill('SIGKILL');
  }
}

module.exports = { dockerfile, ignored };
