'use strict';

/**
 * The session of a request: the data, and methods that act on the store.
 *
 * @param {object} req the request; its `sessionID` becomes the session's `id`
 * @param {object} [data] what the store had; keys that every object has are left out
 */
function Session(req, data) {
  hide(this, 'req', req, false);
  hide(this, 'id', req.sessionID, false);

  if (typeof data === 'object' && data !== null) {
    for (const key in data) {
      if (!(key in this)) this[key] = data[key];
    }
  }
}

module.exports = Session;

const methods = {
  /** Starts the cookie's lifetime anew. Does not call the store. */
  touch() {
    return this.resetMaxAge();
  },

  resetMaxAge() {
    const { cookie } = this;
    cookie.maxAge = cookie.originalMaxAge;
    return this;
  },

  /** Writes the session to the store now. */
  save(callback) {
    this.req.sessionStore.set(this.id, this, callback || ignore);
    return this;
  },

  /**
   * Replaces `req.session` by what the store has. The callback gets an error if it
   * has nothing, or nothing that is a session.
   */
  reload(callback) {
    const { req, id } = this;
    const store = req.sessionStore;
    store.get(id, (error, data) => {
      if (error) return callback(error);
      if (!data) return callback(new Error('failed to load session'));
      try {
        store.createSession(req, data);
      } catch (damaged) {
        return callback(damaged);
      }
      callback();
    });
    return this;
  },

  /** Removes the session from the request and from the store. */
  destroy(callback) {
    const { req } = this;
    delete req.session;
    req.sessionStore.destroy(this.id, callback);
    return this;
  },

  /** Destroys the session and puts a new one, with a new id, on the request. */
  regenerate(callback) {
    const { req } = this;
    req.sessionStore.regenerate(req, callback);
    return this;
  },
};

// Not enumerable, so that a session shows its data alone.
for (const name of Object.keys(methods)) {
  hide(Session.prototype, name, methods[name], true);
}

function hide(object, name, value, open) {
  Object.defineProperty(object, name, { value, configurable: open, writable: open, enumerable: false });
}

function ignore() {}
