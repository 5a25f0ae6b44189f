'use strict';

// Runs in a project that has a copy of the example app in `app`: starts it as
// `npm start` does, and visits it twice.
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const path = require('node:path');

const child = spawn(process.execPath, [path.join('app', 'server.js')], {
  env: { ...process.env, PORT: '0', SECRET: 'of the test' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
let output = '';
child.stdout.setEncoding('utf8').on('data', (text) => {
  const isTold = output.includes('\n');
  output += text;
  if (!isTold && output.includes('\n')) ask(/^Listening on (\S+)$/m.exec(output)?.[1]).then(stop, fail);
});
child.on('exit', (code) => { if (!child.killed) fail(new Error(`the app ended with ${code}`)); });

async function ask(address) {
  const first = await fetch(address);
  const cookie = first.headers.get('set-cookie')?.split(';')[0];
  const second = await fetch(address, { headers: { cookie } });
  assert.deepEqual([first.status, second.status], [200, 200]);
  assert.match(cookie, /^connect\.sid=s%3A/);
  for (const [response, views] of [[first, 1], [second, 2]]) {
    assert.ok((await response.text()).includes(`<strong id="views">${views}</strong>`), `not seen ${views} times`);
  }
}

function stop() {
  child.kill();
}

function fail(error) {
  child.kill();
  console.error(error);
  process.exitCode = 1;
}
