'use strict';

/**
 * Makes a failing scenario smaller: leaves out one part after the other and
 * keeps what still fails.
 * @param {object} scenario
 * @param {(scenario: object) => Promise<boolean>} fails
 */
async function shrink(scenario, fails, attempts = 400) {
  let smallest = scenario;
  let left = attempts;
  for (let found = true; found;) {
    found = false;
    for (const leaveOut of parts(smallest)) {
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
  const drop = (pathTo, index) => removals.push((copy) => pathTo(copy).splice(index, 1));

  scenario.requests.forEach((_, index) => drop((copy) => copy.requests, index));
  removals.reverse();
  scenario.requests.forEach((request, at) => {
    request.steps.forEach((step, index) => {
      // the one that ends the response stays
      const ends = ['end', 'send', 'json', 'redirect', 'sendStatus', 'stream'];
      const isLastEnd = ends.includes(step.do) && request.steps.filter((other) => ends.includes(other.do)).length === 1;
      if (!isLastEnd) drop((copy) => copy.requests[at].steps, index);
    });
    request.before.forEach((_, index) => drop((copy) => copy.requests[at].before, index));
    request.headers.forEach((_, index) => drop((copy) => copy.requests[at].headers, index));
    for (const key of Object.keys(request.preset)) removals.push((copy) => delete copy.requests[at].preset[key]);
    if (request.inspect) removals.push((copy) => { copy.requests[at].inspect = false; });
    if (request.cookieParser) removals.push((copy) => { copy.requests[at].cookieParser = null; });
    if (request.method !== 'GET') removals.push((copy) => { copy.requests[at].method = 'GET'; });
    if (request.target !== '/') removals.push((copy) => { copy.requests[at].target = '/'; });
  });
  for (const name of Object.keys(scenario.options)) {
    if (!['secret', 'genid'].includes(name)) removals.push((copy) => delete copy.options[name]);
  }
  const { cookie } = scenario.options;
  if (cookie && typeof cookie.value === 'object') {
    for (const field of Object.keys(cookie.value)) removals.push((copy) => delete copy.options.cookie.value[field]);
  }
  if (cookie && cookie.perRequest) removals.push((copy) => { copy.options.cookie.perRequest = false; });
  if (scenario.patch) removals.push((copy) => { copy.patch = null; });
  scenario.seeds.forEach((_, index) => drop((copy) => copy.seeds, index));
  for (const [name, plain] of Object.entries({ kind: 'http', encrypted: false, twice: false, mount: null, trustProxy: false })) {
    if (scenario.server[name] !== plain) removals.push((copy) => { copy.server[name] = plain; });
  }
  (scenario.store.failures || []).forEach((_, index) => drop((copy) => copy.store.failures, index));
  if (scenario.store.marks) removals.push((copy) => { copy.store.marks = null; });
  return removals;
}

module.exports = { shrink };
