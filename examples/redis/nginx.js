'use strict';

const fs = require('node:fs');
const path = require('node:path');

const { HOST } = require('../../test-kit/port');
const { startServer } = require('../../test-kit/program');

/** What nginx would otherwise put below /var, where only root may write. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/**
 * Round-robin, as it has no other instruction: no request needs to return to
 * the process that had the one before it.
 * @param {number} port to listen on
 * @param {number[]} ports of the app's processes
 */
const configuration = (port, ports) => `
daemon off;
pid nginx.pid;
error_log stderr;
# Each worker would take turns on its own.
worker_processes 1;

events {
  worker_connections 1024;
}

http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${name};`).join('\n  ')}

  # Forms are small, and pages too: nothing needs to be put on the disk.
  client_max_body_size 8k;
  client_body_buffer_size 8k;
  proxy_max_temp_file_size 0;

  upstream app {
    ${ports.map((each) => `server ${HOST}:${each};`).join('\n    ')}
    keepalive 32;
  }

  server {
    listen ${HOST}:${port};

    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      # What \`cookie.secure: 'auto'\` goes by, as the app itself sees no TLS.
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`;

/**
 * Starts nginx before the app's processes.
 * @param {string} folder for its files
 * @param {number} port to listen on
 * @param {number[]} ports of the processes
 * @returns {Promise<import('../../test-kit/program').Program & { balance: (ports: number[]) => void }>} `balance` changes the ports
 */
async function startNginx(folder, port, ports) {
  const file = path.join(folder, 'nginx.conf');
  const write = (to) => fs.writeFileSync(file, configuration(port, to));

  write(ports);

  // Paths in the configuration are relative to -p. With -e, it does not look for its log below /var.
  const nginx = await startServer('nginx', ['-p', folder, '-e', 'stderr', '-c', file], { port });

  return Object.assign(nginx, {
    balance(to) {
      write(to);
      // New workers take the new requests; the old ones finish what they have.
      nginx.signal('SIGHUP');
    },
  });
}

module.exports = startNginx;
