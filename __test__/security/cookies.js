'use strict';

/** Session cookies as an attacker would write them, and what a browser would send back. */
const signature = require('cookie-signature');
const { read } = require('../../test-kit/jar');

const secret = 'keyboard';

/** A Cookie header with this value for the session, percent-encoded as browsers got it. */
const raw = (value, name = 'connect.sid') => `${name}=${encodeURIComponent(value)}`;

/** A Cookie header with a sid that was signed with `key`. */
const signed = (sid, key = secret, name) => raw(`s:${signature.sign(sid, key)}`, name);

/** The sid in a Set-Cookie header. */
const sidOf = (header) => decodeURIComponent(read(header).value).slice(2).split('.')[0];

/** What a Set-Cookie header says beside name and value, in its order. */
const attributesOf = (header) => header.split('; ').slice(1);

module.exports = { secret, raw, signed, sidOf, attributesOf };
