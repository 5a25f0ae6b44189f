'use strict';

/** How steps call the methods of a session or a store. */
const { withoutCallback } = require('../../promised');
const { describe, describeError } = require('./values');
const { viewOf } = require('./view');
const { hasStalled } = require('./turns');

const answerText = (args) => args.map((arg) => (arg instanceof Error ? describeError(arg) : describe(arg))).join(', ') || 'called';

/** Resolves with what the callback was given, or says that it is never called. */
async function answerOf(visit, start) {
  let answer;
  start((...args) => {
    answer = answerText(args);
  });
  return (await hasStalled(visit.run, () => answer !== undefined)) ? 'no answer' : answer;
}

/** What a method of the session gave back, by identity where it matters. A Proxy may give its target. */
function returned(value, session, run) {
  if (value === session) return 'the session';
  return Object(value) === value && run.unseen.size > 0 ? viewOf(value, run) : describe(value);
}

const withSession = (action) => (run, step) => {
  const session = step.held ? run.held : run.req.session;
  if (!session) return `no session: ${describe(session)}`;
  return action(session, step, run);
};

/**
 * Whether a session of another request ends its sid: this request's end then stores with the
 * original what another request has destroyed, and not with a MemoryStore of ours.
 */
function isOfAnother(name, session, run) {
  return ['destroy', 'regenerate'].includes(name) && run.run.isMemory && session.req !== run.req;
}

/**
 * A method that takes a callback, without one. What the original throws, our promise is rejected
 * with. It is also rejected with what the store answers, of which the original tells nobody.
 */
async function uncalled(name, session, run) {
  const value = session[name]();
  await Promise.race([value, undefined]).catch((error) => {
    if (!run.run.storeErrors.has(error)) throw error;
  });
  return returned(withoutCallback(run.run.mod, value), session, run);
}

/** A method that takes a callback: what it returned, then what the callback got. */
const called = (name) => withSession(async (session, step, run) => {
  if (isOfAnother(name, session, run)) return 'not called';
  if (step.callback === false) return uncalled(name, session, run);
  if (step.waited === false) {
    const value = session[name]((...args) => run.record({ later: `${name}: ${answerText(args)}` }));
    return returned(value, session, run);
  }
  let value;
  const answer = await answerOf(run, (callback) => {
    value = session[name](callback);
  });
  return `${returned(value, session, run)}, then ${answer}`;
});

module.exports = { answerOf, called, returned, withSession };
