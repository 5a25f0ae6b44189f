'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { temporaryFolder } = require('./folder');
const { HOST } = require('./port');

/**
 * Makes a certificate for this machine, with its key. It needs the program openssl.
 * @param {{ after: (remove: () => void) => void }} [t] as for `temporaryFolder`
 * @returns {{ key: Buffer, cert: Buffer }}
 */
function certificate(t) {
  const folder = temporaryFolder('certificate', t);
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', '1', '-subj', '/CN=localhost', '-addext', `subjectAltName=IP:${HOST}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
}

module.exports = { certificate };
