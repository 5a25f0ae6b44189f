'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const zlib = require('node:zlib');

const { recorded } = require('../../alias/visit');
const { Jar } = require('../../../test-kit/jar');
const { HOST } = require('../../../test-kit/port');

const decoders = { gzip: zlib.createGunzip, deflate: zlib.createInflate, br: zlib.createBrotliDecompress };

/** Fetches what may be compressed. `onPart` is called when the first part of the body is there. */
async function fetch({ port, record }, jar, path, { accept = 'gzip', method = 'GET', onPart = () => {} } = {}) {
  const headers = { 'Accept-Encoding': accept, ...(jar.size > 0 && { Cookie: jar.header }) };
  const request = http.request({ host: HOST, port, path, method, headers, agent: false });
  request.end();

  const [response] = await once(request, 'response');
  const { statusCode: status, statusMessage: message, headers: seen, rawHeaders } = response;
  const { 'content-encoding': encoding } = seen;
  const decoded = encoding && method !== 'HEAD' ? response.pipe(decoders[encoding]()) : response;

  let body = '';
  decoded.setEncoding('utf8');
  for await (const part of decoded) {
    if (!body) await onPart();
    body += part;
  }

  jar.take(seen['set-cookie']);
  record({ ...recorded(method, path, { status, message, rawHeaders, body }), encoding });
}

module.exports = {
  title: 'compression',
  variants: ['compression session', 'session compression'].flatMap((ORDER) => [{ ORDER }, { ORDER, STORE: 'slow' }]),

  async steps(stage) {
    const jar = new Jar();
    const get = (path, options) => fetch(stage, jar, path, options);

    await get('/large');
    await get('/large', { accept: 'br' });
    await get('/large', { accept: 'deflate' });
    await get('/large', { accept: 'identity' });
    await get('/large', { method: 'HEAD' });
    await get('/small');
    await get('/order');
    await get('/plain');
    await get('/by-hand');
    await get('/flushed', { onPart: () => fetch(stage, new Jar(), '/go') });
    await get('/session');
    await get('/large-destroyed');
    await get('/session');
  },

  check(story, { STORE }) {
    assert.deepEqual(story.answers('GET /large').map(({ encoding }) => encoding), ['gzip', 'br', 'deflate', undefined]);
    assert.deepEqual(story.bodies('GET /large').map((body) => [body.length, body.at(-1)]),
      ['1', '2', '3', '4'].map((views) => [200 * 70 + 1, views]));
    const requests = [...Array(4).fill('GET /large'), 'HEAD /large', 'GET /small'];
    assert.deepEqual(story.objects('GET /order')[0], requests.flatMap((request) => (
      STORE === 'slow' ? ['stored', `${request} finished`] : [`${request} finished`]
    )));
    assert.deepEqual(story.answers('GET /small').map(({ encoding, body }) => [encoding, body]), [[undefined, '6']]);
    assert.deepEqual(story.answers('GET /plain').map(({ encoding }) => encoding), [undefined]);
    assert.match(story.bodies('GET /by-hand')[0], /^(A line [^\n]*\n){5}end$/);
    assert.match(story.bodies('GET /flushed')[0], /^A line [^\n]*\nfirst part\nsecond part, 9$/);

    for (const request of ['GET /large', 'HEAD /large', 'GET /small', 'GET /plain', 'GET /by-hand', 'GET /flushed']) {
      assert.deepEqual(new Set(story.cookieNames(request).flat()), new Set(['connect.sid']), request);
    }
    assert.deepEqual(story.cookies('GET /large-destroyed'), [[]]);

    assert.deepEqual(story.objects('GET /session').map(({ views, late }) => [views, late]), [[10, true], [1, undefined]]);
  },
};
