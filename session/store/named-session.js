'use strict';

const REQUEST_SESSION = require('../request/key');
const { askStore } = require('../request/load');
const { isPointer, followPointer } = require('../request/pointer');

/**
 * Gets the id of the session that a program names in an option: the new one if another request has
 * renewed it meanwhile. An option that is there but is no session is an error: it must not end the
 * session that it was to keep.
 *
 * @param {any} options
 * @param {string} name
 * @returns {Promise<string | undefined>} undefined if the option is not given
 * @throws {TypeError} and the error of the store, if that must be asked
 */
async function sidIn(options, name) {
  const session = options?.[name];
  if (session === undefined) return undefined;
  if (typeof session?.id !== 'string') throw new TypeError(`${name} must be a session, such as req.session`);
  const { req } = session;
  const meta = req?.[REQUEST_SESSION]?.meta;
  const sid = meta?.newestId(session.id) ?? session.id;
  if (!meta?.mayBeRenewed(sid)) return sid;
  const stored = await new Promise((resolve, reject) => {
    askStore(req, (error, data) => {
      if (error && error.code !== 'ENOENT') reject(error);
      else resolve(error ? undefined : data);
    }, 'get', sid);
  });
  return (stored && isPointer(stored) && followPointer(sid, stored, Date.now())) || sid;
}

module.exports = sidIn;
