'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** What the tests of one file saw, for whoever started the runner. */
class Transcript {
  /** @param {string} file the test file's name */
  constructor(file) {
    this.file = path.join(process.env.TRANSCRIPTS, `${file}.json`);
    this.records = [];
    this.tell('package', path.relative(__dirname, require.resolve('express-session')));
  }

  tell(event, value) {
    this.records.push({ event, value });
  }

  /** An answer of supertest. */
  answer(answer) {
    const { req, res, status, text = '' } = answer;
    this.records.push({
      request: `${req.method} ${req.path}`,
      status: `${status} ${res.statusMessage}`,
      headers: res.rawHeaders.flatMap((name, i) => (i % 2 ? [] : [[name, res.rawHeaders[i + 1]]])),
      body: text,
    });
    return answer;
  }

  /** The calls that a spy has seen. Functions have no JSON, but whether there was one counts. */
  calls(name, { mock: { calls } }) {
    const plain = (arg) => (typeof arg === 'function' ? 'a function' : arg ?? String(arg));
    // As it is now: a session changes.
    this.tell(name, JSON.parse(JSON.stringify(calls.map((args) => args.map(plain)))));
  }

  write() {
    fs.writeFileSync(this.file, JSON.stringify(this.records));
  }
}

module.exports = Transcript;
