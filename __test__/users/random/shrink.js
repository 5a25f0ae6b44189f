'use strict';

const { shrink, dropEach } = require('../../parity/differential/shrink');

/** Every single thing that can be left out of a scenario, the big ones first. */
function parts({ events, options }) {
  const removals = [];
  for (const half of [0, 1]) {
    if (events.length > 3) removals.push((copy) => { copy.events.splice(half * Math.ceil(events.length / 2), Math.floor(events.length / 2)); });
  }
  for (const id of new Set(events.filter((event) => 'request' in event).map(({ request }) => request))) {
    removals.push((copy) => { copy.events = copy.events.filter(({ request }) => request !== id); });
  }
  dropEach(removals, events, (copy) => copy.events);
  events.forEach((event, at) => {
    for (const [name, plain] of Object.entries({ after: 1, looks: false, isLost: false })) {
      if (event[name] !== undefined && event[name] !== plain) removals.push((copy) => { copy.events[at][name] = plain; });
    }
    if (event.step?.isSaved) removals.push((copy) => { copy.events[at].step.isSaved = false; });
    if (event.step?.do === 'login' && event.step.how !== 'plain') removals.push((copy) => { copy.events[at].step.how = 'plain'; });
    if (event.step?.user !== undefined && event.step.user !== 'ann') removals.push((copy) => { copy.events[at].step.user = 'ann'; });
  });
  for (const name of Object.keys(options).filter((option) => !['cookie', 'renewGrace'].includes(option))) {
    removals.push((copy) => {
      delete copy.options[name];
      if (name === 'renewAfter') delete copy.options.renewGrace;
    });
  }
  if (options.cookie.maxAge) removals.push((copy) => { delete copy.options.cookie.maxAge; });
  return removals;
}

module.exports = (scenario, fails) => shrink(scenario, fails, parts);
