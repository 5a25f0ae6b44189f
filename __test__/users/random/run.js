'use strict';

/** Plays a scenario, and compares what is seen with the model after each event. */

const { startClock } = require('../../parity/differential/clock');
const { keyOf } = require('../../../session/store/hashed-calls');
const { hashedIds } = require('../../../session/store/hashed-ids');
const { session } = require('../../subject');
const { USERS } = require('./generate');
const { Model, Mismatch, dataOf } = require('./model');
const { Visit, sidOf, turns } = require('./visits');

const START = Date.UTC(2030, 0, 1);

/**
 * @param {object} scenario of generate.js
 * @param {object} kind of stores.js
 * @returns {Promise<string | undefined>} what is not as the model says
 */
async function runScenario(scenario, kind) {
  const clock = startClock(START);
  let at = 0;
  try {
    const backend = await kind.open(scenario.options);
    const play = new Play(scenario, kind, backend);
    for (const event of [...scenario.events, ...closing(scenario)]) {
      clock.advance(event.after);
      await play.take(event);
      at++;
    }
    return await backend.check();
  } catch (error) {
    if (!(error instanceof Mismatch)) error.message += ` (at event ${at} of seed ${scenario.seed})`;
    return `event ${at}, ${JSON.stringify(scenario.events[at] ?? 'at the end')}: ${error instanceof Mismatch ? error.message : error.stack}`;
  } finally {
    clock.stop();
  }
}

/** All requests end, and each browser comes once more. */
function closing({ events }) {
  const ids = [...new Set(events.filter((event) => 'request' in event).map(({ request }) => request))];
  const ends = ids.map((request) => ({ do: 'end', request, after: 1 }));
  const looks = [0, 1, 2, 3].flatMap((device) => [{ do: 'begin', request: `last ${device}`, device, method: 'GET', looks: true, after: 1 }, { do: 'end', request: `last ${device}`, after: 1 }]);
  return [...ends, ...looks];
}

class Play {
  constructor({ options, namesSession }, kind, backend) {
    this.namesSession = namesSession;
    const given = { ...options, isWrapped: undefined, isForeign: undefined, maxSessions: undefined };
    this.backend = backend;
    /** What the program has. */
    this.store = options.hashIds ? hashedIds(backend.store) : backend.store;
    this.middleware = session({ resave: false, saveUninitialized: false, ...given, cookie: { ...given.cookie }, secret: 'x', store: backend.store });
    this.model = new Model(options, kind, options.hashIds ? keyOf : (sid) => sid);
    this.cookies = [];
    this.visits = new Map();
  }

  async take(event) {
    const visit = this.visits.get(event.request);
    // A scenario that was made smaller may lack the beginning.
    if (event.do === 'begin' ? visit : 'request' in event && !visit) return;
    const seen = event.do === 'begin' ? await this.begin(event) : event.do === 'end' ? await this.end(event, visit) : await this.act(event, visit);
    const { store, backend: { records }, model } = this;
    seen.records = await records();
    model.take(event, seen, Date.now());
    const [[request, other] = []] = this.visits;
    const r = other?.req.session ? model.requests.get(request) : undefined;
    if (r && this.namesSession) model.learn(r);
    const current = r && { current: this.namesSession ? other.req.session : { id: other.req.sessionID } };
    for (const user of USERS) {
      const list = await store.sessionsOf(user, current);
      model.compareList(user, list, this.namesSession ? r?.sid : current?.current.id);
    }
  }

  async begin({ request, device, method, looks }) {
    const cookie = this.cookies[device];
    const visit = new Visit(this.middleware, cookie, method);
    visit.device = device;
    this.visits.set(request, visit);
    await visit.begin();
    const { req } = visit;
    return { brought: sidOf(cookie), sid: req.sessionID, data: looks ? dataOf(req.session) : undefined, errors: visit.errors };
  }

  async end({ request, isLost }, visit) {
    const brought = sidOf(this.cookies[visit.device]);
    await visit.end();
    await turns();
    const cookie = visit.cookie();
    if (cookie !== undefined && !isLost) this.cookies[visit.device] = cookie;
    this.visits.delete(request);
    return { brought, sid: sidOf(cookie), errors: visit.errors };
  }

  async act({ step }, visit) {
    const acts = [];
    for (const primitive of primitives(step)) {
      if (visit && !visit.req.session) break;
      const result = await this.primitive(primitive, visit);
      acts.push([primitive, result]);
      if (result.error !== undefined) break;
    }
    return { acts };
  }

  async primitive({ op, ...step }, visit) {
    const { store } = this;
    const session = visit?.req.session;
    const user = step.user ?? session?.user ?? 'ann';
    const result = { user };
    try {
      switch (op) {
        case 'set': session[step.key] = step.value; break;
        case 'delete': delete session[step.key]; break;
        case 'unset': visit.req.session = null; break;
        case 'head':
          await visit.head();
          await this.backend.settle?.();
          break;
        case 'keep': await session.regenerate({ keep: step.keep }); break;
        case 'end one':
          result.handle = (await store.sessionsOf(user))[step.at]?.handle;
          result.count = await store.end(user, result.handle);
          break;
        case 'end all': result.count = await store.endAll(user, step.isExcepted ? { except: session } : undefined); break;
        default: await session[op]();
      }
    } catch (error) {
      result.error = error.code ?? error.message;
      // Nobody waits until what `keep` has stored is destroyed again.
      if (op === 'keep') await this.backend.settle?.();
    }
    return { ...result, sid: visit?.req.sessionID };
  }
}

/** The single calls of a step. */
function primitives({ do: op, user, how, keep, isSaved, ...step }) {
  if (op === 'write') return [{ op: 'set', ...step }];
  if (op !== 'login') return [{ op, user, keep, ...step }];
  const set = { op: 'set', key: 'user', value: user };
  const before = {
    'plain': [],
    'regenerate': [{ op: 'regenerate' }],
    'keep': [{ op: 'keep', keep }],
    'save, then keep': [set, { op: 'save' }, { op: 'keep', keep }],
  }[how];
  return [...before, set, ...isSaved ? [{ op: 'save' }] : []];
}

module.exports = { runScenario };
