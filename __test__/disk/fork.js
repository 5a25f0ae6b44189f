'use strict';

/** The app, which starts a second one by `fork`, on the message `fork`, and ends it on `end`. */
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

require('./app');

let child;
process.on('message', async (message) => {
  if (message === 'fork') {
    child = fork(path.join(__dirname, 'app.js'));
    process.send((await once(child, 'message'))[0]);
  } else if (message === 'end') {
    const ended = once(child, 'exit');
    child.send('stop');
    await ended;
    process.send('ended');
  }
});
