'use strict';

const url = require('node:url');

/** What targets are put together from: whatever url.parse has a rule for. */
const parts = [
  'http://', 'HTTP://', 'https://', '//', '/', '///', '\\', '\\\\', '/\\', 'http:', 'ftp://', 'file:', 'file:///', 'javascript:', 'JavaScript:',
  'mailto:', 'data:', 'ws://', 'foo:', 'foo://', 'x-y+z.1:', '*', '?', '#', '@', 'user:pw@', 'user%40:p@', '%@', '%zz@', '%E0%A4%A@',
  ':', ':80', ':0', ':y', ':-1', ':65536', ':99999999', ':8 0', ':80:', '[', ']', '[::1]', '[::1', '[::1]:80', '[v1.x]', '[a:b]', '::',
  'a', 'a.b', 'host', 'é', 'ü.de', 'ß', '∂', '。', '／', '＃', '：', '℀', 'a\u00adb', '😀', '\ud800', 'xn--', 'x'.repeat(64), 'y'.repeat(260),
  ' ', '\t', '\n', '\r', '\f', '\v', '\0', '\x7f', '\x80', '\u00a0', '\ufeff', '"', '\'', '<', '>', '`', '{', '}', '|', '^', '%', '%20', '%2F',
  ';', ',', '=', '&', '.', '..', '/path', '/path?q=1', '?a?b', '#h?x', '//host/p', '//a:b@c:d/e', '/:',
];

const beginnings = ['', '', '/', '//', 'http://', 'https://'];

/** Targets, the same ones each time; half of them begin as most do. */
exports.random = function* random(count) {
  let state = 20300101;
  const pick = (list) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return list[Math.floor((state / 2 ** 32) * list.length)];
  };
  for (let i = 0; i < count; i++) {
    let target = pick(beginnings);
    for (let n = pick([1, 2, 3, 4, 5, 6, 7]); n > 0; n--) target += pick(parts);
    yield target;
  }
};

/** The path that `read` gives for a request, and what it leaves there; or what it throws. */
exports.outcome = (read, req) => {
  try {
    const path = read(req);
    const left = req._parsedUrl || req._parsedOriginalUrl;
    return { path, left: Object.entries(left), isUrl: Object.getPrototypeOf(left) === url.Url.prototype, keys: Object.keys(req) };
  } catch ({ name, code, message, input }) {
    return { error: { name, code, message, input } };
  }
};
