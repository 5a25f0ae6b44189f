'use strict';

/**
 * What the model foretells of a visit. Counted over a run, this shows whether the generator
 * reaches what it is meant to reach.
 */
const has = (name) => ({ events }) => events.some(([event]) => event === name);
const told = (text) => ({ events }) => events.some(([, message]) => String(message).includes(text));
const merged = (what, option) => ({ notes }, { options } = {}) => notes.includes(what) && (option === undefined || options.merge === option);
const noted = (what) => ({ notes }) => notes.includes(what);
const isHeldBy = ({ options: { commit }, store: { kind } }) => commit === 'headers' && kind !== 'resident';

const KINDS = {
  'cookie sent': ({ cookies }) => cookies.some((text) => text.includes('signed')),
  'cookie signed anew': noted('signed anew'),
  'cookie cleared': ({ cookies }) => cookies.some((text) => text.startsWith('connect.sid=;')),
  'cookie beside another': ({ cookies }) => cookies.length > 1,
  'caching limited': ({ headers }, { options: { cacheControl } }) => cacheControl && headers && /Cookie$/.test(headers.vary),
  'caching left to the program': ({ headers }) => headers?.['cache-control'] === 'public',
  'Vary appended': ({ headers }) => /., Cookie$/.test(headers?.vary),
  'Vary: *': ({ headers }, { options: { cacheControl } }) => cacheControl && headers && headers.vary === '*',
  'early hints': ({ hints }) => hints > 0,
  'response held': ({ calls, bodyHeaders }, scenario) => isHeldBy(scenario) && !bodyHeaders && calls?.some(([method]) => method === 'set'),
  'error page: the store failed': ({ events }) => events.some(([event, message]) => event === 'next' && message === 'down'),
  'error page: too long': told('commitBuffer'),
  'error page: refused by JSON': told('JSON refused'),
  'error page: the handler threw': told('thrown'),
  'error page: skip failed': told('skip failed'),
  'error after the response': has('next, too late for a page'),
  'kept': ({ events }) => events.some(([event, outcome]) => event === 'keep' && outcome === 'ok'),
  'keep failed': ({ events }) => events.some(([event, outcome]) => event === 'keep' && outcome === 'down'),
  'keep of an ended session': told('the session has ended'),
  'a method failed': ({ events }) => events.some(([event, outcome]) => ['save', 'reload', 'destroy', 'regenerate'].includes(event) && outcome === 'down'),
  'session touched': ({ calls }) => calls?.some(([method]) => method === 'touch'),
  'session loaded': ({ events }) => events.some(([event, data]) => event === 'look' && Object.keys(data).length > 0),
  'parallel request': has('meanwhile'),
  'merged: other keys': merged('another key'),
  'merged: the same key, the later wins': merged('same key', true),
  'merged: the same key, a function decides': merged('same key', 'all three'),
  'merged: a key that one has deleted': merged('deleted key'),
  'merged: into nothing, as the session has ended': merged('gone'),
  'merged before regenerate({ keep })': merged('keep'),
  'merged in a MemoryStore': merged('resident'),
  'merged in a MemoryStore with methods of the program': merged('wrapped'),
  'merged in a store with setIfUnchanged': (visit, { store: { kind, compares } }) => compares && merged(kind)(visit) && !['resident', 'wrapped'].includes(kind),
  'merged in a store without setIfUnchanged': (visit, { store: { kind, compares } }) => !compares && merged(kind)(visit) && !['resident', 'wrapped'].includes(kind),
  'merge has failed': told('cannot merge'),
  '_meta left alone': merged('meta'),
  'ended: idle': noted('ended: idle'),
  'ended: absolute': noted('ended: absolute'),
  'renewed': noted('renewed'),
  'not renewed by POST or an upgrade': noted('not renewed'),
  'old id in the grace: gets the cookie': noted('old id: told'),
  'old id in the grace: gets no cookie': noted('old id: not told'),
  'old id after the grace': noted('old id after the grace'),
  'written, read or touched late through a pointer': noted('late through a pointer'),
  'destroyed late': noted('late destroy'),
  'session without valid _meta stamped': noted('stamped'),
  '_meta of the program ignored': noted('meta of the program'),
  'seen written': noted('seen'),
  'seen not due': noted('seen not due'),
  'store with keys in the place of ids': ({ calls }, { options: { hashIds } }) => hashIds && calls?.length > 0,
  'no body': ({ body }) => body === '',
};

/** @returns {string[]} the names of what happens in a scenario */
const outcomesOf = (scenario, visits) => Object.keys(KINDS).filter((name) => visits.some((visit) => KINDS[name](visit, scenario)));

module.exports = { KINDS, outcomesOf };
