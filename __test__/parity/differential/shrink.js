'use strict';

/**
 * Makes a failing scenario smaller: leaves out one part after the other and
 * keeps what still fails.
 * @param {object} scenario
 * @param {(scenario: object) => Promise<boolean>} fails
 * @param {(scenario: object) => Array<(copy: object) => void>} [partsOf] what can be left out, the
 *   big parts first: each leaves one out of a copy
 */
async function shrink(scenario, fails, partsOf = parts, attempts = 600) {
  let smallest = scenario;
  let left = attempts;
  for (let found = true; found;) {
    found = false;
    for (const leaveOut of partsOf(smallest)) {
      if (left-- <= 0) return smallest;
      const smaller = structuredClone(smallest);
      leaveOut(smaller);
      if (!(await fails(smaller))) continue;
      smallest = smaller;
      found = true;
      break;
    }
  }
  return smallest;
}

/** Every single thing that can be left out, the big ones first. */
function parts(scenario) {
  const removals = [];
  dropEach(removals, scenario.requests, (copy) => copy.requests);
  removals.reverse();
  scenario.requests.forEach((request, at) => removals.push(...requestParts(request, (copy) => copy.requests[at])));

  for (const name of Object.keys(scenario.options)) {
    if (!['secret', 'genid'].includes(name)) removals.push((copy) => delete copy.options[name]);
  }
  const { genid } = scenario.options;
  if (genid && genid.kind !== 'own') removals.push((copy) => { copy.options.genid = { kind: 'own' }; });
  const { cookie } = scenario.options;
  if (cookie && cookie.getters) removals.push((copy) => delete copy.options.cookie.getters);
  if (cookie && typeof cookie.value === 'object') {
    for (const field of Object.keys(cookie.value)) removals.push((copy) => delete copy.options.cookie.value[field]);
  }
  if (cookie && cookie.perRequest) removals.push((copy) => { copy.options.cookie.perRequest = false; });
  if (scenario.second) {
    removals.push((copy) => {
      delete copy.second;
      for (const request of copy.requests) delete request.session;
    });
    for (const name of Object.keys(scenario.second)) removals.push((copy) => delete copy.second[name]);
  }
  dropEach(removals, scenario.replaced, (copy) => copy.replaced);
  if (scenario.patch) removals.push((copy) => { copy.patch = null; });
  dropEach(removals, scenario.seeds, (copy) => copy.seeds);
  const plainServer = { kind: 'http', encrypted: false, twice: false, mount: null, trustProxy: false, sub: undefined, accessor: undefined };
  for (const [name, plain] of Object.entries(plainServer)) {
    if (scenario.server[name] !== plain) removals.push((copy) => { copy.server[name] = plain; });
  }
  dropEach(removals, scenario.store.failures || [], (copy) => copy.store.failures);
  if (scenario.store.marks) removals.push((copy) => { copy.store.marks = null; });
  if (['spied', 'subclass', 'wrapped'].includes(scenario.store.kind)) removals.push((copy) => { copy.store = { kind: 'memory' }; });
  return removals;
}

/** The steps that end a response. */
const ENDINGS = ['end', 'send', 'json', 'redirect', 'sendStatus', 'stream'];

/** @param {(copy: object) => object} find the request in a copy of the scenario */
function requestParts(request, find) {
  const removals = [];
  request.steps.forEach((step, index) => {
    // the one that ends the response stays
    const isLastEnd = ENDINGS.includes(step.do) && request.steps.filter((other) => ENDINGS.includes(other.do)).length === 1;
    if (!isLastEnd) removals.push((copy) => find(copy).steps.splice(index, 1));
  });
  request.steps.forEach((step, index) => {
    const inCopy = (copy) => find(copy).steps[index];
    if (step.do === 'meanwhile') removals.push(...requestParts(step.request, (copy) => inCopy(copy).request));
    if (step.do === 'form') {
      for (const name of Object.keys(step.fields)) removals.push((copy) => delete inCopy(copy).fields[name]);
    }
    if (step.traps && step.traps !== 'none') removals.push((copy) => { inCopy(copy).traps = 'none'; });
    if (ENDINGS.includes(step.do) && step.args && step.args.length > 0) removals.push((copy) => { inCopy(copy).args = []; });
    if (['send', 'json', 'redirect', 'sendStatus', 'stream'].includes(step.do)) {
      removals.push((copy) => { find(copy).steps[index] = { do: 'end', args: [] }; });
    }
  });
  for (const name of ['before', 'arrival', 'headers']) {
    if (request[name]) dropEach(removals, request[name], (copy) => find(copy)[name]);
  }
  for (const key of Object.keys(request.preset)) removals.push((copy) => delete find(copy).preset[key]);
  if (request.inspect) removals.push((copy) => { find(copy).inspect = false; });
  if (request.cookieParser) removals.push((copy) => { find(copy).cookieParser = null; });
  if (request.method !== 'GET') removals.push((copy) => { find(copy).method = 'GET'; });
  if (request.target !== '/') removals.push((copy) => { find(copy).target = '/'; });
  if (request.session) removals.push((copy) => delete find(copy).session);
  return removals;
}

/** Leaving out each entry of a list. */
function dropEach(removals, list, find) {
  list.forEach((_, index) => removals.push((copy) => find(copy).splice(index, 1)));
}

module.exports = { shrink, dropEach };
