'use strict';

/** Its cipher insists on length, cases, digits and signs. */
const SECRET = 'ONLY-for-the-suite-2026!';

/** `length` hands out a statistic, whose form and moment are the server's. */
const STATISTICS = { length: 'the store gives statistics of the server' };

/** The clients leave out a fraction of a second, and the server's clock ticks once a second. */
const PACE = 1.6;

module.exports = [
  {
    name: 'connect-memcached',
    package: 'connect-memcached',
    loads: 'arg',
    backend: 'memcached',
    pace: PACE,
    varies: STATISTICS,
    ci: true,
    open: (session, at) => new (require('connect-memcached')(session))({ hosts: [host(at)] }),
  },
  {
    name: 'connect-memcached, secret',
    package: 'connect-memcached',
    loads: 'arg',
    backend: 'memcached',
    pace: PACE,
    varies: STATISTICS,
    ci: true,
    open: (session, at) => new (require('connect-memcached')(session))({
      hosts: [host(at)], secret: SECRET,
    }),
  },
  {
    name: 'connect-memjs',
    package: 'connect-memjs',
    loads: 'arg',
    backend: 'memcached',
    pace: PACE,
    varies: STATISTICS,
    open: (session, at) => new (require('connect-memjs')(session))({ servers: [host(at)] }),
  },
];

function host({ port }) {
  return `127.0.0.1:${port}`;
}
