'use strict';

const path = require('node:path');
const authored = require('./authored');

/**
 * One row per store set-up.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} [package] the store's key in the package.json of `folder`
 * @property {string} [from] where the store is in this repository, if it comes from no package
 * @property {string[]} [with] clients it was run with, to be shown with versions
 * @property {'arg' | 'Store' | 'import' | 'wraps' | 'own'} loads `require('x')(session)`,
 *   `x(session.Store)`, it loads `express-session` itself, it wraps a store, or it
 *   has a Store of its own
 * @property {string} [backend] a file of `backends`, or what a double stands for, as
 *   `double of CLIENT`; none for a store without a server
 * @property {'' | 'large' | 'native' | 'mongo' | 'doubles'} folder whose node_modules it comes from
 * @property {boolean} [ci] whether CI runs it
 * @property {Record<string, string>} [leftOut] check to the reason it does not apply
 * @property {Record<string, string>} [varies] check to the reason why the store
 *   itself answers it in one way or another from run to run
 * @property {number} [pace] how many times longer than usual sessions must live for the checks
 *   of expiry, as the backend ends them too early for the usual times (1)
 * @property {string[]} [fleeting] what the store adds to a session at times of its own
 * @property {string} [background] why errors that the store throws outside of any
 *   request, which would end the process, are passed over
 * @property {string} [note] what is worth knowing, for the page
 * @property {Outage} [outage] runs `outage.js` instead of the checks
 * @property {(session: Function) => Promise<unknown>} [inPrimary] for a store that is in
 *   the primary process of `cluster`; the app and the rest of the store are in a worker
 * @property {(session: Function, at: At) => object | Promise<object>} open
 *   makes the store; called again on the same `at` for `persists`
 *
 * @typedef {object} Outage
 * @property {string} server a file of `backends`, of which the row has one of its own
 * @property {(at: At) => Promise<void>} [prepare] what the server needs once
 * @property {boolean} [queues] whether the client keeps requests until the server is there
 * @property {(at: At, sid: string, text: string) => Promise<void>} spoil puts a text in the
 *   place of a stored session
 * @property {Record<string, string>} [spoilt] more such texts, by what they are
 *
 * @typedef {{ folder: string, port?: number, database?: string, pace: number, times?: boolean, kept: object }} At
 *   a temporary folder, what the backend told, how slowly the checks go, whether the app has the options
 *   `idleTimeout` and `absoluteTimeout` (undefined without `--times`), and a place for what outlives a store
 */

/** @type {Row[]} */
const rows = [
  ['', require('./rows/files')],
  ['', require('./rows/wrappers')],
  ['', require('./rows/own')],
  ['', require('./rows/redis')],
  ['', require('./rows/memcached')],
  ['', require('./rows/postgres')],
  ['', require('./rows/mariadb')],
  ['', require('./rows/outages')],
  ['large', require('./large/rows')],
  ['native', require('./native/rows')],
  ['mongo', require('./mongo/rows')],
  ['doubles', require('./doubles/rows')],
].flatMap(([folder, list]) => list.map((row) => ({ folder, ...row })));

/**
 * @param {string} name of a row, or the path of a store's module
 * @returns {Row | undefined}
 * @throws {Error} if there is no such module
 */
function find(name) {
  if (!isPath(name)) return rows.find((row) => row.name === name);
  // npm goes to the package's folder first. INIT_CWD is where it was called.
  return authored(path.resolve(process.env.INIT_CWD ?? '', name));
}

/** Also without `./`: no row is called like a file. @param {string} name */
function isPath(name) {
  return /^\.{0,2}[/\\]/.test(name) || path.isAbsolute(name) || /\.[cm]?[jt]s$/.test(name);
}

module.exports = { rows, find, isPath };
