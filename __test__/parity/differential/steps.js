'use strict';

/**
 * What a handler does, one step of a scenario at a time: to the session, to
 * the store, to the clock and to the response. Each step returns what a
 * program could see of its effect.
 */
const util = require('node:util');
const { answerOf, called, returned, withSession } = require('./calls');
const { describe, describeCookie, describeError, revive } = require('./values');
const { turn } = require('./turns');
const { uses } = require('./uses');
const { readSession } = require('./view');

async function runSteps(run, steps) {
  run.isHandling = true;
  await takeSteps(run, steps);
  run.isHandling = false;
}

async function takeSteps(run, steps) {
  // Looking at a session is a step like others: not every handler does.
  run.held = steps.some((step) => step.held) ? run.req.session : undefined;
  for (const step of steps) {
    if (onResponse[step.do] && run.detached) continue;
    try {
      const seen = await (onSession[step.do] || onResponse[step.do])(run, step);
      if (seen !== undefined) run.record({ [step.do]: seen });
    } catch (err) {
      run.record({ [step.do]: `threw ${describeError(err)}` });
    }
  }
  if (run.detached || run.ended || run.res.writableEnded) return;
  // what was to end the response threw, and the client must not wait for it
  run.record({ unfinished: run.res.headersSent });
  run.res.destroy();
}

const onSession = {
  ...uses,
  read: (run) => readSession(run.req.session, run),
  inspect: withSession((session, _step, { unseen }) => {
    if (unseen.size > 0) return undefined;
    return util.inspect(session, { depth: 4, breakLength: Infinity });
  }),
  peek: withSession((session, { key }) => describe(session[key])),
  set: withSession((session, { key, value }) => {
    session[key] = revive(value);
  }),
  nested: withSession((session, { key, value }) => {
    if (session[key] === null || typeof session[key] !== 'object') session[key] = {};
    session[key].inner = revive(value);
  }),
  // only the cookie of the session itself is left out when changes are looked for
  nestedCookie: withSession((session, { key, value }) => {
    session[key] = { cookie: value };
  }),
  increase: withSession((session, { key }) => {
    session[key] = (session[key] || 0) + 1;
    return describe(session[key]);
  }),
  same: withSession((session) => {
    for (const key of Object.keys(session)) {
      const value = session[key];
      if (key !== 'cookie') session[key] = value;
    }
  }),
  rewrite: withSession((session, { key }) => {
    const value = session[key];
    session[key] = 'for a moment';
    if (value === undefined) delete session[key];
    else session[key] = value;
  }),
  delete: withSession((session, { key }) => describe(delete session[key])),
  define: withSession((session, { key, value }) => {
    Object.defineProperty(session, key, { value, enumerable: false, configurable: true, writable: true });
  }),
  readOnly: withSession((session, { key }) => {
    if (session.id === undefined) return 'no session, for want of an id';
    try {
      session[key] = 'changed';
    } catch (error) {
      // the words tell an own property from an inherited one
      return error.name;
    }
  }),
  cookie: withSession((session, { field, value }) => {
    session.cookie[field] = revive(value);
    return describeCookie(session.cookie);
  }),
  newCookie: withSession((session, { value }, run) => {
    session.cookie = new run.mod.Cookie(revive(value));
    return describeCookie(session.cookie);
  }),
  serializeCookie: withSession((session) => session.cookie.serialize('x', 'y z')),
  touch: withSession((session, _step, run) => returned(session.touch(), session, run)),
  resetMaxAge: withSession((session, _step, run) => returned(session.resetMaxAge(), session, run)),
  save: called('save'),
  reload: called('reload'),
  regenerate: called('regenerate'),
  destroy: called('destroy'),
  // not waited for: what follows is done to the old session
  regenerateSoon: (run, step) => called('regenerate')(run, { ...step, waited: false }),
  putBack: (run) => {
    run.req.session = run.held;
  },
  replaceSave: withSession((session, _step, run) => {
    const { save } = session;
    // assigned, it would show on a session of ours: there is no own one to hide it
    Object.defineProperty(session, 'save', {
      configurable: true,
      writable: true,
      value(...args) {
        run.record({ replacedSave: args.length });
        return save.apply(this, args);
      },
    });
  }),
  unset: (run, { how }) => {
    if (how === 'delete') delete run.req.session;
    else run.req.session = how === 'null' ? null : undefined;
  },
  sessionID: (run, { value }) => {
    run.req.sessionID = revive(value);
  },
  readID: (run) => describe(run.req.sessionID),
  createSession: (run, { value }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return returned(store.createSession(run.req, revive(value)), run.req.session, run);
  },
  load: async (run, { sid }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return answerOf(run, (callback) => store.load(sid || String(run.req.sessionID), callback));
  },
  storeGet: async (run) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return answerOf(run, (callback) => store.get(String(run.req.sessionID), callback));
  },
  storeSet: async (run, { sid, value }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return answerOf(run, (callback) => store.set(sid, revive(value), callback));
  },
  // another part of the program changes what is stored for the session in use
  storeEdit: async (run, { value }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return answerOf(run, (callback) => store.set(String(run.req.sessionID), revive(value), callback));
  },
  storeDestroy: async (run, { sid }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    return answerOf(run, (callback) => store.destroy(sid, callback));
  },
  advance: (run, { ms }) => {
    run.clock.advance(ms);
  },
  emit: (run, { event }) => {
    if (run.req.sessionStore) run.req.sessionStore.emit(event);
  },
  turn,
};

const isResponse = (value, run) => (value === run.res ? 'the response' : describe(value));

const onResponse = {
  status: ({ res }, { value }) => {
    res.statusCode = value;
  },
  header: ({ res }, { name, value }) => {
    res.setHeader(name, value);
  },
  appendHeader: ({ res }, { name, value }) => {
    res.appendHeader(name, value);
  },
  readHeader: ({ res }, { name }) => describe(res.getHeader(name)),
  writeHead: (run, { args }) => {
    const [status, reason, headers] = revive(args);
    // Node.js takes the headers for these, and so does this package; the original loses them
    const isLost = (reason === undefined || reason === null) && args.length > 2;
    const given = isLost && run.isOriginal ? [status, headers] : revive(args);
    return isResponse(run.res.writeHead(...given), run);
  },
  flushHeaders: ({ res }) => {
    res.flushHeaders();
  },
  write: ({ res }, { args }) => describe(res.write(...revive(args))),
  end: (run, { args }) => {
    const isFirst = !run.hasCalledEnd;
    run.hasCalledEnd = true;
    const value = run.res.end(...revive(args));
    // after an end that threw, a second one returns false and ends nothing; after a first
    // one that returned it there is an error page to come, if it still can
    run.awaitsPage ||= isFirst && value === false && !run.res.headersSent;
    if (value !== false || run.awaitsPage) run.ended = true;
    // the original returns what write() did, or true, where Node.js returns the response
    return `${isFirst ? 'a value' : isResponse(value, run)}, headers sent: ${run.res.headersSent}`;
  },
  // what pipe() does, but an exception of end() comes back here
  stream: async (run, { chunks }) => {
    for (const chunk of chunks) {
      run.res.write(Buffer.from(chunk));
      await onSession.turn();
    }
    return onResponse.end(run, { args: [] });
  },
  // what follows is Express's own, which calls end() in its own ways
  send: (run, { value }) => express(run, 'send', [revive(value)]),
  json: (run, { value }) => express(run, 'json', [value]),
  redirect: (run, { url }) => express(run, 'redirect', [url]),
  sendStatus: (run, { value }) => express(run, 'sendStatus', [value]),
  setCookie: ({ res }, { name, value }) => {
    res.cookie(name, value, { httpOnly: true });
  },
};

function express(run, name, args) {
  const value = run.res[name](...args);
  run.hasCalledEnd = true;
  run.ended = true;
  return `${isResponse(value, run)}, headers sent: ${run.res.headersSent}`;
}

module.exports = { runSteps };
