'use strict';

const assert = require('node:assert/strict');
const { kinds, open } = require('../compat/app');
const { flaw } = require('./flaw');

/** What may stand in the second or third place. */
const values = {
  undefined: undefined,
  null: null,
  text: 'Made',
  'no text': '',
  'a number': 5,
  'an object': { 'X-One': '1', 'x-two': ['2', '3'] },
  'another object': { 'X-Three': '3', 'Set-Cookie': ['a=1', 'b=2'] },
  'an object without a prototype': Object.assign(Object.create(null), { 'X-One': '1' }),
  'an empty object': {},
  'a flat list': ['X-One', '1', 'X-Two', '2'],
  'a flat list with a name twice': ['X-One', '1', 'X-One', '2', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
  pairs: [['X-One', '1'], ['X-Two', '2']],
  'pairs with a name twice': [['X-One', '1'], ['X-One', '2'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']],
  'pairs of lists': [['Set-Cookie', ['a=1', 'b=2']]],
  'an empty list': [],
  'half a flat list': ['X-One'],
  'a Map': new Map([['X-One', '1']]),
  Headers: new Headers({ 'X-One': '1' }),
  'a name that is none': { 'bad name': '1' },
  'a value that is none': { 'X-One': undefined },
};

/** What `writeHead` sends, line by line, or throws. */
async function sent(app, args) {
  const { status, message, rawHeaders, value } = await app.visit((req, res) => {
    res.sendDate = false;
    try {
      assert.equal(res.writeHead(201, ...args), res);
    } catch (error) {
      res.socket.end('HTTP/1.1 500 Thrown\r\nConnection: close\r\n\r\n');
      return error.name;
    }
    res.end();
    return 'nothing thrown';
  });
  const lines = [];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i].toLowerCase()}: ${rawHeaders[i + 1]}`);
  return [status, message, lines.sort(), value];
}

/** Of each value in the second place, with each other in the third: what is sent, with and without sessions. */
async function compare(t, firsts) {
  const plain = await open(t, { middleware: (req, res, next) => { next(); } });
  const app = await open(t);
  const names = firsts.flatMap((first) => [[first], ...Object.keys(values).map((second) => [first, second])]);
  const told = [[], []];
  for (const places of names) {
    const args = places.map((name) => values[name]);
    told[0].push([places, await sent(plain, args)]);
    told[1].push([places, await sent(app, args)]);
  }
  assert.deepEqual(told[1], told[0]);
}

const isMessage = (name) => typeof values[name] === 'string';

flaw('writeHead with a message sends what Node.js sends', (t) => compare(t, Object.keys(values).filter(isMessage)));

flaw('writeHead without a message sends what Node.js sends', (t) => compare(t, Object.keys(values).filter((name) => !isMessage(name))));

for (const kind of kinds) {
  flaw(`writeHead takes headers after a message that is none, beside those set before (${kind})`, async (t) => {
    const app = await open(t, { kind });
    for (const none of [undefined, null]) {
      const { status, message, headers, cookies } = await app.visit((req, res) => {
        req.session.n = 1;
        res.setHeader('X-One', 'before');
        res.setHeader('X-Two', 'before');
        res.writeHead(201, none, { 'X-One': 'after', 'Set-Cookie': 'own=1' });
        res.end();
      }, { cookie: false });
      assert.deepEqual([status, message, headers['x-one'], headers['x-two']], [201, 'Created', 'after', 'before']);
      assert.deepEqual([cookies.length, cookies[0]], [2, 'own=1']);
    }
  });
}
