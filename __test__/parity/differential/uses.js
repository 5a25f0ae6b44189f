'use strict';

/**
 * Rarer things that programs do with sessions, cookies, ids and stores. Steps like those of
 * steps.js.
 */
const { changeTransport } = require('./arrival');
const { withSession } = require('./calls');
const { changeOption } = require('./settings');
const { spy } = require('./store');
const { describe, describeCookie, revive } = require('./values');
const { SHOWN_ONCE_ASSIGNED, keysOf, viewOf, without } = require('./view');
const { wrapped } = require('./wraps');

const uses = {
  // what stands in the session's place
  wrap: withSession((session, step, run) => {
    run.req.session = wrapped(session, step, run);
  }),
  identity: withSession((session, _step, { req }) => ({
    id: describe(session.id),
    isRequestId: session.id === req.sessionID,
    req: session.req === req,
    isSession: 'touch' in session,
  })),
  putBack: (run) => {
    run.req.session = run.held;
  },
  remember: (run) => {
    run.remembered.push(run.req.session);
  },
  adopt: (run, { at }) => {
    const { remembered, req } = run;
    if (remembered.length === 0) return 'no other session';
    req.session = remembered[at % remembered.length];
    return viewOf(req.session, run);
  },

  // data that look at the cookie
  watchful: withSession((session, { how, key }, run) => {
    const { req } = run;
    const see = {
      getter: () => Object.defineProperty(session, key, {
        configurable: true,
        enumerable: true,
        get() {
          return describeCookie(this.cookie);
        },
      }),
      'nested toJSON': () => {
        session[key] = { toJSON: () => ({ path: req.session.cookie.path, until: describe(req.session.cookie.expires) }) };
      },
      'nested getter': () => {
        session[key] = {
          get left() {
            return req.session.cookie.originalMaxAge;
          },
        };
      },
      toJSON: () => Object.defineProperty(session, 'toJSON', {
        configurable: true,
        writable: true,
        value() {
          return { ...without({ ...this }, SHOWN_ONCE_ASSIGNED), path: this.cookie.path };
        },
      }),
      'cookie text': () => Object.defineProperty(session, 'toJSON', {
        configurable: true,
        writable: true,
        value() {
          return { cookie: this.cookie, of: describe(this.cookie.originalMaxAge), count: this.count };
        },
      }),
      accessor: () => {
        let { cookie } = session;
        Object.defineProperty(session, 'cookie', {
          configurable: true,
          enumerable: true,
          get: () => cookie,
          set(value) {
            run.record({ cookieSet: describeCookie(value) });
            cookie = value;
          },
        });
      },
    };
    see[how]();
    return viewOf(session, run);
  }),

  // a form
  form: withSession((session, { fields, by }, run) => {
    const given = revive(fields);
    for (const key of SHOWN_ONCE_ASSIGNED) if (key in given) run.unseen.add(key);
    let refused;
    try {
      if (by === 'assign') Object.assign(session, given);
      else for (const key of Object.keys(given)) session[key] = given[key];
    } catch (error) {
      // the words tell an own property from an inherited one
      refused = error.name;
    }
    return { refused, keys: keysOf(session).join(), text: viewOf(session, run) };
  }),

  // what the app is told meanwhile
  option: ({ run }, step) => changeOption(run, step),
  transport: changeTransport,
  meanwhile: ({ run }, { request }) => run.meanwhile(request),

  // ids
  takeID: (run, { value, from }) => {
    run.req.sessionID = from === 'another' && run.remembered[0] ? run.remembered[0].id : revive(value);
    return describe(run.req.sessionID);
  },

  // stores
  generate: (run) => {
    if (!run.req.sessionStore) return 'no store';
    return `${describe(run.req.sessionStore.generate(run.req))}, ${describe(run.req.session && run.req.session.id)}`;
  },
  replaceGenerate: ({ req, run }, { marks }) => {
    const store = req.sessionStore;
    if (!store) return 'no store';
    const { generate } = store;
    store.generate = function patched(request) {
      run.record({ patched: 'generate' });
      generate.call(this, request);
      if (marks) request.session.made = 'by the program';
    };
    return undefined;
  },
  spyStore: ({ req, run }, step) => {
    const store = req.sessionStore;
    if (!store) return 'no store';
    spy(store, { ...step, methods: step.methods.filter((name) => typeof store[name] === 'function') }, run);
    return undefined;
  },
  otherStore: (run, { how }) => {
    const store = run.req.sessionStore;
    if (!store) return 'no store';
    run.req.sessionStore = {
      proxy: () => new Proxy(store, {}),
      heir: () => Object.create(store),
      recording: () => new Proxy(store, {
        get(target, key) {
          if (['get', 'set', 'touch', 'destroy'].includes(key)) run.record({ asked: key });
          return target[key];
        },
      }),
      memory: () => {
        const other = new run.mod.MemoryStore();
        other.generate = store.generate;
        return other;
      },
    }[how]();
    return undefined;
  },

  // methods and attributes that are replaced
  patch: ({ run }, { name }) => {
    run.patch(name);
  },
  replace: ({ run }, step) => {
    run.replace(step);
  },
  restore: ({ run }, step) => {
    run.restore(step);
  },
  replaceMethod: withSession((session, { on, name }, run) => {
    const object = on === 'cookie' ? session.cookie : session;
    const method = object[name];
    if (typeof method !== 'function') return `no method: ${describe(method)}`;
    // how often a cookie's JSON is made is nobody's promise
    const isQuiet = name === 'toJSON';
    // hidden, as an assigned one would show on a session of ours
    Object.defineProperty(object, name, {
      configurable: true,
      writable: true,
      value(...args) {
        if (isQuiet) return { ...method.apply(this, args), seen: true };
        run.record({ patched: `${on}.${name}`, arguments: args.length });
        return method.apply(this, args);
      },
    });
    return undefined;
  }),
  replaceAttribute: withSession((session, { name, how, value }, run) => {
    const { cookie } = session;
    const made = revive(value);
    Object.defineProperty(cookie, name, how === 'getter'
      ? { configurable: true, enumerable: true, get: () => made }
      : {
          configurable: true,
          enumerable: true,
          get: () => made,
          set: (next) => run.record({ [`${name} set`]: describe(next) }),
        });
    return describeCookie(cookie);
  }),
  cookieData: withSession(({ cookie }, { value }) => {
    cookie.prefs ||= { list: [] };
    cookie.prefs.list.push(value);
    return describe(cookie.prefs);
  }),
  wrapCookie: withSession((session, { how }) => {
    const { cookie } = session;
    session.cookie = {
      proxy: () => new Proxy(cookie, {}),
      heir: () => Object.create(cookie),
      spread: () => ({ ...cookie }),
      clone: () => Object.create(Object.getPrototypeOf(cookie), Object.getOwnPropertyDescriptors(cookie)),
    }[how]();
    return describeCookie(session.cookie);
  }),

  // what the middleware leaves on the request
  parsed: ({ req }) => ({ url: urlOf(req._parsedUrl), originalUrl: urlOf(req._parsedOriginalUrl) }),
};

/** Every field of a parsed URL, in an order of its own. */
function urlOf(parsed) {
  if (!parsed) return describe(parsed);
  return Object.keys(parsed).sort().map((name) => `${name}=${describe(parsed[name])}`).join(' ');
}

module.exports = { uses };
