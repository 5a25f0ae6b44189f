'use strict';

/**
 * The client's memory of one run, and the ways in which a request's Cookie
 * header can be right or wrong.
 */
const { sign } = require('cookie-signature');
const { read } = require('../../../test-kit/jar');

function createForger(name, secretsOf, sids) {
  const received = [];

  return {
    /** @param {string[]} head */
    learn(head) {
      for (const line of head) {
        if (!/^set-cookie: /i.test(line)) continue;
        const cookie = read(line.slice('set-cookie: '.length));
        if (cookie?.name === name) received.push(cookie.value);
      }
    },

    /** The Cookie headers of a request (there may be two), as `[name, value]`. */
    headers(kind) {
      const value = values(kind);
      return (Array.isArray(value) ? value : [value])
        .filter((header) => header !== undefined)
        .map((header) => ['Cookie', header]);
    },

    /** A Cookie header with the session cookie of `sid`. */
    cookieOf: (sid) => `${name}=${signed(sid)}`,

    /** What cookie-parser would have left on the request. */
    parsed(kind) {
      const sid = lastSid();
      const raw = decode(received[received.length - 1] || signed(sid));
      return {
        signed: { signedCookies: { [name]: sid }, cookies: {} },
        'signed, false': { signedCookies: { [name]: false }, cookies: {} },
        'signed, number': { signedCookies: { [name]: 42 }, cookies: {} },
        raw: { signedCookies: {}, cookies: { [name]: raw } },
        'raw, tampered': { cookies: { [name]: `${raw}x` } },
        'raw, unsigned': { cookies: { [name]: sid } },
        both: { signedCookies: { [name]: sid }, cookies: { [name]: 's:other.sig' } },
      }[kind];
    },
  };

  // no header holds half a character
  function made(sid) {
    return (sid || 'never-made').replace(/\p{Surrogate}/gu, '?');
  }

  function firstSid() {
    return made(sids[0]);
  }

  function lastSid() {
    return made(sids[sids.length - 1]);
  }

  function signed(sid, secret = secretsOf()[0]) {
    return encodeURIComponent(`s:${sign(String(sid), secret)}`);
  }

  function values(kind) {
    const last = received[received.length - 1];
    const good = last || signed(lastSid());
    const pair = `${name}=${good}`;
    const secrets = secretsOf();
    const plain = decode(good);

    switch (kind) {
      case 'none': return undefined;
      case 'last': return last === undefined ? undefined : `${name}=${last}`;
      case 'first': return received.length > 0 ? `${name}=${received[0]}` : undefined;
      case 'newest sid': return `${name}=${signed(lastSid())}`;
      case 'first sid': return `${name}=${signed(firstSid())}`;
      case 'old secret': return `${name}=${signed(lastSid(), secrets[secrets.length - 1])}`;
      case 'wrong secret': return `${name}=${signed(lastSid(), 'not the secret')}`;
      case 'unknown sid': return `${name}=${signed('unknown-session-id')}`;
      case 'empty sid': return `${name}=${signed('')}`;
      case 'dotted sid': return `${name}=${signed('un.known.id')}`;
      case 'prototype sid': return `${name}=${signed('__proto__')}`;
      case 'constructor sid': return `${name}=${signed('constructor')}`;
      case 'tampered signature': return `${pair.slice(0, -1)}${pair.endsWith('A') ? 'B' : 'A'}`;
      case 'longer signature': return `${pair}A`;
      case 'padded signature': return `${pair}%3D`;
      case 'tampered sid': return `${name}=${good.replace('s%3A', 's%3Ax')}`;
      case 'unsigned': return `${name}=${encodeURIComponent(lastSid())}`;
      case 'no signature': return `${name}=s%3A${encodeURIComponent(lastSid())}`;
      case 'prefix only': return `${name}=s%3A`;
      case 'empty': return `${name}=`;
      case 'no equals sign': return `${name}; ${pair}`;
      case 'good first': return `${pair}; ${name}=s%3Aworse.worse`;
      // a good one behind a bad one counts with this package, and not with the original
      case 'both bad': return `${name}=s%3Abad.bad; ${name}=s%3Aworse.worse`;
      case 'quoted': return `${name}="${good}"`;
      case 'open quote': return `${name}="${good}`;
      case 'unencoded': return /^[\x20-\x7e]*$/.test(plain) && !/[;,"\\]/.test(plain) ? `${name}=${plain}` : pair;
      case 'percent garbage': return `${name}=%zz%E0%A4%A`;
      case 'percent garbage inside': return `${name}=${good}%E0%A4`;
      case 'garbage before': return `%E0%A4%A=%zz; ;;=; a==b; \u00ff\u00fe=\u00e9; ${pair}`;
      case 'spaced': return `a=1;  ${name} =  ${good}  ; b=2`;
      case 'tabs': return `a=1;\t${name}\t=\t${good}\t;b=2`;
      case 'no spaces': return `a=1;${pair};b=2`;
      case 'commas': return `a=1, ${pair}`;
      case 'other case': return `${name.toUpperCase()}=${good}`;
      case 'longer name': return `x${pair}; ${name}x=${good}`;
      case 'other names': return 'theme=dark; lang=en';
      case 'many': return `${Array.from({ length: 200 }, (_, index) => `c${index}=${index}`).join('; ')}; ${pair}`;
      case 'two headers': return ['theme=dark', pair];
      case 'two headers, both bad': return [`${name}=s%3Abad.bad`, `${name}=x`];
      case 'empty header': return '';
      case 'separators': return ';; , ;=';
      case 'name only': return name;
      case 'twice the same': return `${pair}; ${pair}`;
      case 'value of another': return `other=${good}; ${pair}`;
      case 'long': return `long=${'x'.repeat(6000)}; ${pair}`;
      case 'bytes': return `\u0080\u00ff=\u00a0; ${pair}; \u00e9`;
      case 'prototype names': return `__proto__=x; constructor=y; ${pair}; hasOwnProperty=z`;
      default: throw new Error(`no such cookie: ${kind}`);
    }
  }
}

function decode(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** How often a request carries which cookie: most are honest, each kind of bad one is there. */
const COOKIES = [
  [70, 'last'],
  [8, 'none'],
  [5, 'first'],
  [2, 'newest sid'],
  [2, 'first sid'],
  [4, 'old secret'],
  ...[
    'wrong secret', 'unknown sid', 'empty sid', 'dotted sid', 'prototype sid', 'constructor sid',
    'tampered signature', 'longer signature', 'padded signature', 'tampered sid', 'unsigned',
    'no signature', 'prefix only', 'empty', 'no equals sign', 'good first', 'both bad', 'quoted',
    'open quote', 'unencoded', 'percent garbage', 'percent garbage inside', 'garbage before', 'spaced',
    'tabs', 'no spaces', 'commas', 'other case', 'longer name', 'other names', 'many', 'two headers',
    'two headers, both bad',
  ].map((kind) => [1, kind]),
];

/** More that an HTTP client can send. */
const ODD_COOKIES = ['empty header', 'separators', 'name only', 'twice the same', 'value of another', 'long', 'bytes', 'prototype names'];

const PARSED = ['signed', 'signed, false', 'signed, number', 'raw', 'raw, tampered', 'raw, unsigned', 'both'];

module.exports = { createForger, COOKIES, ODD_COOKIES, PARSED };
