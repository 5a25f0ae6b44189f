'use strict';

const { serve } = require('../../test-kit/app');
const { unknown } = require('./unknown');

/**
 * A double that a store reaches over HTTP; it runs in the store's own process and
 * ends with it.
 *
 * @param {string} name
 * @param {Record<string, (question: { parts: string[], query: URLSearchParams, body: any,
 *   headers: object }) => [number, any?] | undefined>} routes method and path to status
 *   and answer; `:` stands for one part of the path
 * @returns {Promise<number>} the port
 */
async function startHttpDouble(name, routes) {
  const known = Object.entries(routes).map(([route, answer]) => [pattern(route), answer]);
  const { port } = await serve(async (req, res) => {
    const { pathname, searchParams: query } = new URL(req.url, 'http://127.0.0.1');
    const asked = `${req.method} ${pathname}`;
    for (const [route, answer] of known) {
      const parts = route.exec(asked);
      if (!parts) continue;
      const question = {
        parts: parts.slice(1).map(decodeURIComponent), query, body: await bodyOf(req), headers: req.headers,
      };
      const [status, body] = answer(question);
      res.writeHead(status, { 'content-type': 'application/json' });
      return res.end(JSON.stringify(body));
    }
    throw unknown(name, asked);
  });
  return port;
}

function pattern(route) {
  return new RegExp(`^${route.replaceAll(':', '([^/]+)')}$`);
}

async function bodyOf(req) {
  let text = '';
  for await (const chunk of req.setEncoding('utf8')) text += chunk;
  return text === '' ? undefined : JSON.parse(text);
}

module.exports = startHttpDouble;
