'use strict';

const { shrink, dropEach } = require('../../parity/differential/shrink');

/** Every single thing that can be left out of a scenario, the big ones first. */
function parts({ requests, options, store, kind, secrets }) {
  const removals = [];
  dropEach(removals, requests, (copy) => copy.requests);
  removals.reverse();
  requests.forEach((request, at) => {
    const find = (copy) => copy.requests[at];
    dropEach(removals, request.steps, (copy) => find(copy).steps);
    request.steps.forEach((step, index) => {
      if (step.steps) dropEach(removals, step.steps, (copy) => find(copy).steps[index].steps);
    });
    const { response } = request;
    dropEach(removals, response.late ?? [], (copy) => find(copy).response.late);
    for (const name of ['again', 'sized', 'refused']) if (response[name]) removals.push((copy) => { delete find(copy).response[name]; });
    if (response.chunks?.length > 2) removals.push((copy) => { find(copy).response.chunks.pop(); });
    if (response.kind !== 'end') {
      removals.push((copy) => { find(copy).response = { kind: 'end', body: 'xxx' }; });
    }
    for (const name of ['lost', 'upgrade', 'written']) if (name in request) removals.push((copy) => { delete find(copy)[name]; });
    for (const [name, plain] of Object.entries({ advance: 0, method: 'GET', path: '/app/page', cookie: 'jar', https: false })) {
      if (request[name] !== plain) removals.push((copy) => { find(copy)[name] = plain; });
    }
  });
  for (const name of Object.keys(options.cookie)) removals.push((copy) => { delete copy.options.cookie[name]; });
  // With `commit: 'end'`, what was sent in pieces cannot be refused.
  const needsCommit = requests.some(({ response }) => response.refused);
  for (const name of Object.keys(options).filter((option) => options[option] && option !== 'cookie')) {
    if ((name === 'commit' && needsCommit) || name === 'renewGrace') continue;
    removals.push((copy) => {
      copy.options[name] = name === 'resave' || name === 'saveUninitialized' ? false : undefined;
      // These need it.
      if (name === 'commit') copy.options.commitBuffer = undefined;
      if (name === 'renewAfter') copy.options.renewGrace = undefined;
    });
  }
  dropEach(removals, store.failures, (copy) => copy.store.failures);
  if (store.failures.length === 0 && store.kind !== 'resident') removals.push((copy) => { copy.store.kind = 'resident'; copy.store.touch = true; });
  if (store.compares) removals.push((copy) => { copy.store.compares = false; });
  if (store.delay > 0) removals.push((copy) => { copy.store.delay = 0; });
  if (kind !== 'http' && !requests.some(({ response }) => ['send', 'json', 'redirect'].includes(response.kind))) removals.push((copy) => { copy.kind = 'http'; });
  if (secrets > 1) removals.push((copy) => { copy.secrets = 1; });
  return removals;
}

module.exports = (scenario, fails) => shrink(scenario, fails, parts);
