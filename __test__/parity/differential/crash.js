'use strict';

/**
 * Where the two may differ.
 *
 * When a session cannot be saved (it holds a BigInt, its cookie is gone, …) the
 * original lets the exception escape from `res.end` and the response is never
 * completed: a crash or a hang. This package gives the error to `next` instead.
 * From there on the two sides have nothing in common, so the traces are compared
 * up to that point, and ours must have reported the same error. The same where
 * damaged data make the original throw at a store, or at nobody, which ends a
 * program: ours must not.
 *
 * And `session()` may refuse at once what no cookie can be made with.
 */
const { firstDifference } = require('./compare');

const ENDINGS = ['end', 'stream', 'send', 'json', 'redirect', 'sendStatus'];
// the steps that write headers, and so settle the cookie
const HEAD_WRITING = ['writeHead', 'flushHeaders', 'write', ...ENDINGS];

function compareTraces(original, ours) {
  if (original.mayBeRefused && ours.setup.startsWith('TypeError')) return undefined;
  const crash = findCrash(original);
  const difference = crash ? compareUntil(crash, original, ours) : firstDifference(original, ours);
  const escape = difference && findEscape(original);
  return escape ? compareUntil(escape, original, ours) : difference;
}

function compareUntil(crash, original, ours) {
  const difference = firstDifference(cutAt(original, crash), cutAt(ours, crash));
  if (difference) return difference;
  const path = `/requests/${crash.request}`;
  const ending = ours.requests.slice(crash.request).flatMap(({ events }) => events).find((event) => event.uncaught);
  if (ending) return { path: `${path}/events`, original: crash.error, ours: ending };
  const { events, response } = crash.inside ? ours.requests[crash.request].events[crash.event].meanwhile : ours.requests[crash.request];
  if (response === 'hang') return { path: `${path}/response`, original: crash.error, ours: response };
  if (crash.isQuiet || events.some((event) => reports(event, crash.error))) return undefined;
  return { path: `${path}/events/${crash.event}/…`, original: crash.error, ours: events.slice(crash.inside ? 0 : crash.event) };
}

/**
 * Where in the original an exception of the session's escaped, if it did. When
 * writing the headers threw before the ending did, that is where it began:
 * from there on ours sends an error page.
 */
function findCrash({ requests }) {
  for (const [request, { events }] of requests.entries()) {
    let first;
    for (let event = 0; event < events.length; event++) {
      const seen = events[event];
      if (seen.uncaught) return { request, event, error: seen.uncaught, isQuiet: true };
      if (seen.errorPage) {
        // a method that a program replaced may have been on its way into the crash
        while (event > 0 && events[event - 1].patched) event--;
        return { request, event, error: seen.errorPage, isQuiet: true };
      }
      const inner = seen.meanwhile && findCrash({ requests: [seen.meanwhile] });
      if (inner) return { ...inner, request, event, inside: true };
      const name = threwWritingHead(seen);
      if (!name) continue;
      first ||= { request, event, error: seen[name].slice('threw '.length) };
      if (ENDINGS.includes(name)) return first;
    }
  }
  return undefined;
}

/** Where in the original an exception ended in a store that had called back. */
function findEscape({ requests }) {
  for (const [request, { events }] of requests.entries()) {
    const event = events.findIndex((seen) => seen.thrownIntoStore);
    if (event !== -1) return { request, event, error: events[event].thrownIntoStore, isQuiet: true };
  }
  return undefined;
}

function cutAt(trace, { request, event }) {
  const requests = trace.requests.slice(0, request);
  if (trace.requests[request]) requests.push({ events: trace.requests[request].events.slice(0, event) });
  return { setup: trace.setup, requests };
}

/** The step that found the session unreadable when it wrote the headers, or undefined. */
function threwWritingHead(event) {
  return HEAD_WRITING.find((writing) => threw(event[writing]));
}

// headers set too late, and the like, are Node's own refusals and equal on both sides
function threw(text) {
  return typeof text === 'string' && text.startsWith('threw ') && !text.includes(' ERR_');
}

function reports(event, error) {
  return event.next === error || HEAD_WRITING.some((name) => event[name] === `threw ${error}`);
}

module.exports = { compareTraces, findCrash, threwWritingHead };
