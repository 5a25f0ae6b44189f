'use strict';

/** What programs do to a request before the session middleware gets it. */
const { changeOption } = require('./settings');
const { describe } = require('./values');

/** @param {object} visit the state of the request, which is on it already */
function arrive(visit) {
  for (const action of visit.request.arrival || []) actions[action.do](visit, action);
}

const actions = {
  option: ({ run }, action) => changeOption(run, action),
  transport: changeTransport,
  accessor: (visit, action) => {
    Object.defineProperty(visit.req, 'session', sessionAccessor(action, () => visit));
  },
  /** A setter that handles another request, as one may that logs, traces or warms up. */
  idSetter: (visit) => {
    const { req, run: { another } } = visit;
    let held;
    let isFirst = true;
    visit.ids = [];
    another.prepare();
    Object.defineProperty(req, 'sessionID', {
      configurable: true,
      enumerable: true,
      get: () => held,
      set(value) {
        // once the middleware has called next, only the program changes it, however often it is set
        if (value !== held && visit.events.some((event) => event.next)) visit.ids.push(value);
        held = value;
        if (isFirst) another.handle(visit);
        isFirst = false;
      },
    });
  },
};

/** What `secure: 'auto'` goes by. */
function changeTransport({ req }, { field, value }) {
  if (field === 'trust proxy') {
    if (req.app) req.app.set(field, value);
  } else if (field === 'secure') {
    // Express has a getter for it
    if (!req.app) req.secure = value;
  } else if (value === null) delete req.headers[field];
  else req.headers[field] = value;
}

/**
 * A program's own property for the session of a request, or of all of them.
 * @param {{ configurable: boolean, wraps: boolean }} how
 * @param {(req: object) => object} visitOf
 */
function sessionAccessor({ configurable, wraps }, visitOf) {
  const held = new WeakMap();
  return {
    configurable,
    enumerable: true,
    get() {
      return held.get(this);
    },
    set(value) {
      const visit = visitOf(this);
      const isSession = value instanceof visit.mod.Session;
      visit.record({ assigned: isSession ? `session ${describe(value.id)}, of this request: ${value.req === visit.req}` : describe(value) });
      held.set(this, wraps && isSession ? new Proxy(value, {}) : value);
    },
  };
}

module.exports = { arrive, changeTransport, sessionAccessor };
