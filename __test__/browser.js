'use strict';

const fs = require('node:fs');
const { skipWithout } = require('../test-kit/installed');

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
const missing = !fs.existsSync(executablePath);

const HOW = `no browser at ${executablePath}: apt-get install chromium, or set CHROMIUM to the path of one`;

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why tests in a browser are skipped. */
const skip = process.version.startsWith('v18.')
  ? 'playwright-core wants Node.js 20'
  : skipWithout(missing ? HOW : undefined);

/** Starts the browser. */
async function launch() {
  // Ends a process of Node.js 18 when it is loaded.
  const { chromium } = require('playwright-core');
  return chromium.launch({ executablePath, args: ARGS });
}

module.exports = { launch, skip };
