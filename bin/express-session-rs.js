#!/usr/bin/env node
'use strict';

try {
  require('../session/native/node-version');
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
require('./command')(process.argv.slice(2));
