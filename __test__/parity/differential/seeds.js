'use strict';

/** Sessions that are in the store before the first request, whole and damaged. */

const START = 1_700_000_000_000;
const at = (ms) => new Date(START + ms).toISOString();

const COOKIE_TEXTS = [
  '{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}',
  `{"originalMaxAge":60000,"expires":"${at(60_000)}","httpOnly":true,"path":"/"}`,
  `{"originalMaxAge":60000,"expires":"${at(3_600_000)}","secure":true,"httpOnly":true,"path":"/app","sameSite":"lax"}`,
  `{"originalMaxAge":60000,"expires":"${at(-1)}","httpOnly":true,"path":"/"}`,
  `{"expires":"${at(60_000)}"}`,
  '{"expires":"not a date","originalMaxAge":1000}',
  '{"expires":1700000060000,"originalMaxAge":60000}',
  '{"originalMaxAge":60000}',
  '{"maxAge":60000}',
  '{"data":{"a":1},"toJSON":"x","path":"/","extra":[1,{"b":2}]}',
  '{"path":"/","httpOnly":false,"_expires":null,"originalMaxAge":5000}',
  '{}',
];

const BAD_COOKIE_TEXTS = [
  undefined, 'null', '"text"', '5', '[]', 'true', '{"maxAge":"an hour"}', '{"originalMaxAge":"an hour"}',
];

const DATA_TEXTS = [
  '"user":"ann"',
  '"count":1,"cart":{"items":[1,2,3],"cookie":{"not":"the cookie"}}',
  '"b":1,"a":2,"10":"ten","2":"two"',
  '"text":"\\u0000 \\ud800 \\u2028 \\ud83d\\ude00 ü"',
  '"numbers":[1.0,1e3,-0,1e400,0.1,123456789012345678901234567890]',
  '"toString":"x","constructor":{"a":1},"save":1,"id":"stolen","req":{},"touch":null,"kept":1',
  '"__proto__":{"polluted":true},"kept":1',
  '"twice":1,"twice":2',
  `"deep":${'['.repeat(200)}${']'.repeat(200)}`,
  '"hasOwnProperty":1,"":"empty key","a b":" spaced "',
  '"flash":{"info":[]},"passport":{"user":7}',
];

function drawSeeds({ chance, int, pick, weighted }) {
  return Array.from({ length: int(1, 2) }, (_, index) => {
    const sid = pick([`seeded-${index}`, `séeded ${index}`, `x.y.${index}`]);
    const cookie = chance(0.8) ? pick(COOKIE_TEXTS) : pick(BAD_COOKIE_TEXTS);
    const data = chance(0.85) ? pick(DATA_TEXTS) : '';
    const parts = [cookie === undefined ? '' : `"cookie":${cookie}`, data].filter(Boolean);
    if (chance(0.2)) parts.reverse();
    const text = weighted([
      [15, `{${parts.join(',')}}`],
      [2, ` { ${parts.join(' ,\n ')} } `],
      // not 'null': on that the original's MemoryStore throws at its caller
      [0.3, pick(['"text"', '5', '[]', 'true', 'false', '[{"cookie":{}}]'])],
    ]);
    return { sid, text };
  });
}

/** What another part of the program might put into the store for a sid. */
function drawData({ pick }) {
  return pick([
    { cookie: { originalMaxAge: null, expires: null }, by: 'another' },
    { cookie: { originalMaxAge: 60_000, expires: { $: 'date', in: 60_000 } }, count: 10 },
    { cookie: { originalMaxAge: 1000, expires: { $: 'date', in: -1 } } },
    { cookie: {}, user: 'ann', big: { $: 'repeat', text: 'x', times: 2000 } },
  ]);
}

module.exports = { drawSeeds, drawData };
