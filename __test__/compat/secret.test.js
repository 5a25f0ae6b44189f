'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const signature = require('cookie-signature');
const { each, pair, open, seen, counter, story, write, read } = require('./app');

const signed = (sid, secret) => `connect.sid=${encodeURIComponent(`s:${signature.sign(sid, secret)}`)}`;
const bytes = [0, 1, 127, 128, 254, 255, 65];

/** Whatever crypto.createHmac takes for a key. */
const secrets = {
  'a string': () => 'keyboard',
  'a string beyond ASCII': () => 'schlüssel 🔑',
  'a string longer than a block': () => 'k'.repeat(500),
  'a lone surrogate': () => 'x\ud800y',
  'a string with NUL': () => 'a\0b',
  'a Buffer': () => Buffer.from(bytes),
  'an empty Buffer': () => Buffer.alloc(0),
  'a Uint8Array': () => new Uint8Array(bytes),
  'a view into a larger buffer': () => new Uint8Array(new Uint8Array([9, ...bytes, 9]).buffer, 1, bytes.length),
  'a Uint16Array': () => new Uint16Array([1, 256, 65535]),
  'a DataView': () => new DataView(new Uint8Array([9, ...bytes]).buffer, 1),
  'an ArrayBuffer': () => new Uint8Array(bytes).buffer,
  'a KeyObject': () => crypto.createSecretKey(Buffer.from(bytes)),
};

const plan = [[write], [write], [read, { cookie: signed('sid-1', 'of somebody else') }]];

for (const [name, make] of Object.entries(secrets)) {
  each(`the secret is ${name}, alone or in an array`, async (t, kind) => {
    for (const secret of [make(), [make()], ['newer', make()], [make(), 'older']]) {
      const { told, errors } = await story(t, kind, () => ({ secret }), plan);
      assert.deepEqual(told.map(({ body }) => body), ['1', '2', 'undefined']);
      assert.deepEqual(errors, []);
      const first = Array.isArray(secret) ? secret[0] : secret;
      assert.ok(told[0].headers.includes(`Set-Cookie: ${signed('sid-1', first)}; Path=/; HttpOnly`));
    }
  });
}

each('an empty string in an array is a secret', async (t, kind) => {
  const { told } = await story(t, kind, () => ({ secret: [''] }), plan);
  assert.deepEqual(told.map(({ body }) => body), ['1', '2', 'undefined']);
});

each('each secret of an array is accepted, and the first one signs', async (t, kind) => {
  const secret = ['one', Buffer.from('two'), crypto.createSecretKey(Buffer.from('three'))];
  const { told } = await story(t, kind, () => ({ secret }), [
    [write],
    [write, { cookie: signed('sid-1', 'one') }],
    [write, { cookie: signed('sid-1', 'two') }],
    [write, { cookie: signed('sid-1', 'three') }],
    [write, { cookie: signed('sid-1', 'four') }],
  ]);
  assert.deepEqual(told.map(({ body }) => body), ['1', '2', '3', '4', '1']);
});

each('the array is read live: what is put into it or taken out of it counts at once', async (t, kind) => {
  await pair(async (module) => {
    const secret = ['one'];
    const app = await open(t, { kind, module, options: { secret, genid: counter() } });
    const told = [];
    const ask = async (cookie) => told.push(seen(await app.visit(write, { cookie })));
    const old = signed('sid-1', 'one');

    await ask(false);
    secret.unshift('two');
    await ask(old);
    await ask(false);
    secret.push('three');
    await ask(signed('sid-1', 'three'));
    secret.splice(secret.indexOf('one'), 1);
    await ask(old);
    secret[0] = 'four';
    await ask(signed('sid-1', 'two'));
    await ask(false);
    secret.length = 0;
    secret.push('five', 'one');
    await ask(old);
    await ask(false);
    assert.deepEqual(told.map(({ body }) => body), ['1', '2', '1', '3', '1', '1', '1', '4', '1']);
    assert.ok(told[8].headers.some((line) => line.startsWith(`Set-Cookie: ${signed('sid-6', 'five')}`)));
    return told;
  });
});

each('a secret whose bytes are changed in their place is another secret', async (t, kind) => {
  await pair(async (module) => {
    const secret = Buffer.from('before');
    const app = await open(t, { kind, module, options: { secret, genid: counter() } });
    const told = [seen(await app.visit(write))];
    secret.write('after!');
    told.push(seen(await app.visit(write)), seen(await app.visit(write, { cookie: signed('sid-1', 'after!') })));
    assert.deepEqual(told.map(({ body }) => body), ['1', '1', '2']);
    return told;
  });
});

each('a signature is taken whole: nothing cut off, added or changed', async (t, kind) => {
  const good = signature.sign('sid-1', 'keyboard');
  const mac = good.slice(6);
  const values = [
    good, good.slice(0, -1), `${good}=`, `${good}==`, `${good} `, `${good}.`, `${good}A`, `.${good}`, good.toUpperCase(), `sid-1.${mac.replaceAll('+', '-').replaceAll('/', '_')}`,
    'sid-1.', 'sid-1', '.', '', `sid-2.${mac}`, `sid-1..${mac}`, `sid-1.${mac}.${mac}`, `SID-1.${mac}`, signature.sign('', 'keyboard'), signature.sign('sid-1.x', 'keyboard'),
    `sid-1.${Buffer.from(mac, 'base64').toString('hex')}`, `sid-1.${mac}é`, `sid-1.${mac}\ud83d\ude00`,
  ];
  const { told } = await story(t, kind, () => ({}), [[write], ...values.map((value) => [read, { cookie: `connect.sid=${encodeURIComponent(`s:${value}`)}` }])]);
  assert.deepEqual(told.slice(1).map(({ body }) => body), ['1', ...values.slice(1).map(() => 'undefined')]);
});

each('a secret that crypto refuses is the error of crypto', async (t, kind) => {
  for (const bad of [5, {}, true, () => {}, Symbol('s')]) {
    for (const secret of [bad, [bad]]) {
      const told = await pair(async (module) => {
        const app = await open(t, { kind, module, options: { secret, genid: counter() } });
        const arrived = app.error();
        const { status, body, cookies } = await app.visit(write);
        const err = await arrived;
        return [status, body, cookies, err.name, err.code, err.message];
      });
      assert.deepEqual(told.slice(0, 5), [200, '1', [], 'TypeError', 'ERR_INVALID_ARG_TYPE']);
    }
  }
});

each('an empty place in an array of secrets is an error for next', async (t, kind) => {
  for (const secret of [[null], [undefined]]) {
    const told = await pair(async (module) => {
      const app = await open(t, { kind, module, options: { secret, genid: counter() } });
      const arrived = app.error();
      const { status, cookies } = await app.visit(write);
      const err = await arrived;
      return [status, cookies, err.name, err.message];
    });
    assert.deepEqual(told, [200, [], 'TypeError', 'Secret key must be provided.']);
  }
});
