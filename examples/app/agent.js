'use strict';

// The first that matches counts: most browsers also name those that they are like.
const browsers = [
  ['Edge', /\bEdg(?:A|iOS)?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /(?:Chrome|CriOS)\//],
  ['Safari', /\bVersion\/.*\bSafari\//],
  ['curl', /^curl\//],
];

const systems = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
];

/**
 * Says in words what sends a User-Agent header. It is a guess that helps people to know their devices
 * again, and proves nothing: every program can send what it likes.
 * @param {string | undefined} header
 * @returns {string} for example `Firefox on Windows`
 */
function deviceName(header = '') {
  const find = (list) => list.find(([, pattern]) => pattern.test(header))?.[0];
  const system = find(systems);
  const browser = find(browsers) ?? (system === undefined ? 'Unknown device' : 'Unknown browser');

  return system === undefined ? browser : `${browser} on ${system}`;
}

module.exports = deviceName;
