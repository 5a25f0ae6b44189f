'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { session, isOurs } = require('../subject');
const { open } = require('../compat/app');
const { ways } = require('./stores');
const { secret, signed, attributesOf } = require('./cookies');

const sid = 'the-session-whose-text-is-tampered';
const cookie = '"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"';
const evil = '{"isAdmin":true,"polluted":true}';

/** What a program sees if prototypes were changed. */
function look(req, res) {
  const { session: mine } = req;
  res.end(JSON.stringify({
    everybody: {}.isAdmin,
    session: mine.isAdmin,
    methods: typeof mine.save,
    cookie: mine.cookie.isAdmin,
    isCookie: mine.cookie instanceof session.Cookie,
    nested: mine.nested && mine.nested.isAdmin,
  }));
}
const write = (req, res) => {
  req.session.n = 1;
  look(req, res);
};

/** Session texts whose keys would reach a prototype, if they were assigned. */
const texts = {
  'the key __proto__': `{"cookie":{${cookie}},"__proto__":${evil}}`,
  'the key constructor': `{"cookie":{${cookie}},"constructor":{"prototype":${evil}}}`,
  'keys of the session\'s methods': `{"cookie":{${cookie}},"save":true,"req":${evil},"id":"another"}`,
  'the key __proto__ in an object': `{"cookie":{${cookie}},"nested":{"__proto__":${evil}}}`,
  'the key __proto__ first': `{"__proto__":${evil},"cookie":{${cookie}}}`,
  'the key __proto__ of the cookie': `{"cookie":{${cookie},"__proto__":${evil}}}`,
  'the key constructor of the cookie': `{"cookie":{${cookie},"constructor":{"prototype":${evil}}}}`,
};

for (const [way, make] of Object.entries(ways)) {
  for (const [name, text] of Object.entries(texts)) {
    // The original gives the cookie that prototype.
    test(`a stored session changes no prototype: ${name} (${way})`, { skip: !isOurs }, async (t) => {
      const { options, put } = make();
      put(sid, text);
      const app = await open(t, { options: { secret, rolling: true, ...options } });
      for (const handler of [look, write, look]) {
        const { body, cookies } = await app.visit(handler, { cookie: signed(sid) });
        assert.deepEqual(JSON.parse(body), { methods: 'function', isCookie: true });
        assert.deepEqual(attributesOf(cookies[0]), ['Path=/', 'HttpOnly']);
      }
      assert.equal({}.isAdmin, undefined);
    });
  }

  test(`a session id that is a key of every object is an id like others (${way})`, async (t) => {
    const { options, put } = make();
    const app = await open(t, { options: { secret, ...options } });
    for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const unknown = await app.visit((req, res) => res.end(String(req.session.user)), { cookie: signed(id) });
      assert.equal(unknown.body, 'undefined', id);
      put(id, `{"cookie":{${cookie}},"user":"tobi"}`);
      const known = await app.visit((req, res) => res.end(String(req.session.user)), { cookie: signed(id) });
      assert.equal(known.body, 'tobi', id);
    }
    assert.equal({}.user, undefined);
  });
}
