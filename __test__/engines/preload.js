'use strict';

// Loaded before a test file: the stores that it makes have the engine that the variable
// `ENGINE` names. At the end stderr says how many such engines there were.
const fs = require('node:fs');
const native = require('../../session/native/load');

const { ENGINE } = process.env;

native.useEngine(ENGINE);
process.on('exit', () => fs.writeSync(2, `\n${ENGINE} engines made: ${native.enginesMade()}\n`));
