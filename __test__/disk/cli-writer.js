'use strict';

// Writes to the DiskStore of the file that is its argument, until it is told to stop, and answers
// each message with how many sessions are stored by then.
const { DiskStore } = require('../..');

const store = new DiskStore({ path: process.argv[2], checkPeriod: false });
let count = 0;

const session = (maxAge) => ({ cookie: { maxAge, originalMaxAge: maxAge, expires: new Date(Date.now() + maxAge) }, text: 'x'.repeat(300) });

function next(error) {
  if (error) throw error;
  store.set(`sid-of-${count}`, session(3600000), (failure) => {
    if (!failure) count++;
    next(failure);
  });
}

process.on('message', () => { process.send(count); });
store.set('sid-of-the-dead', session(1), next);
