'use strict';

const Child = require('./child');
const progress = require('./progress');
const { lowerQuartile, summary } = require('./statistics');
const { ratioFor } = require('./target');
const { SCENARIOS, REDIS_SCENARIOS } = require('./scenarios');
const { table, digits, spread } = require('./table');

/** ms of CPU time to warm up, and slices that each subject runs in a round. */
const PACE = { warmUp: 600, slices: 12 };
const QUICK_PACE = { warmUp: 250, slices: 4 };

const BARE = { name: 'bare', store: 'none' };
/** JSON alone, see floor.js. */
const FLOOR = { name: 'floor', store: 'none' };

/** Whether a subject can take part in a scenario. */
function takesPart(subject, scenario) {
  // Bare against bare: how much of a difference is noise.
  if (subject === BARE) return scenario.name === 'no session';
  if (subject === FLOOR) return !scenario.redis && scenario.handler !== 'untouched';
  // Browsers refuse cookies of over 4 kB, so these sessions do not exist.
  if (subject.store === 'none' && (scenario.redis || scenario.bytes > 1000)) return false;
  return !scenario.redis || subject.store === 'own';
}

/**
 * The CPU mode.
 *
 * @param {object[]} subjects the first is the one judged, `express-session` the measure
 * @param {object} options of the command line
 * @param {object} [redis] the server, if there is one
 * @returns {Promise<object[]>} a row per scenario
 */
async function cpuRows(subjects, options, redis) {
  const scenarios = [...SCENARIOS, ...(options['no-redis'] ? [] : REDIS_SCENARIOS)];
  return scenarioRows(scenarios, subjects, options, redis);
}

/** The modes `--disk`, `--features` and `--redis`, as `cpuRows`. */
async function variantRows(subjects, options, redis) {
  const scenarios = SCENARIOS.filter(({ bytes, isFlat }) => bytes <= 1000 && !isFlat);
  return scenarioRows(scenarios, subjects, options, redis);
}

async function scenarioRows(all, subjects, options, redis) {
  const scenarios = all.filter(({ name }) => name.includes(options.only));
  const rounds = new Map(scenarios.map(({ name }) => [name, []]));
  let at = 0;
  for (let round = 1; round <= options.rounds; round++) {
    for (const scenario of scenarios) {
      progress(at++, scenarios.length * options.rounds, `round ${round}, ${scenario.name}`);
      const able = [...subjects, BARE, FLOOR].filter((subject) => takesPart(subject, scenario));
      const tasks = able.map((subject) => ({ subject, scenario, lanes: options.lanes, maxAge: options.maxAge, redis }));
      rounds.get(scenario.name).push(await oneRound(tasks, options.quick ? QUICK_PACE : PACE));
    }
  }
  progress(at, at, '');
  return scenarios.map(({ name }) => rowOf(name, rounds.get(name), subjects[0].name));
}

/**
 * A process for each task, then slices in turn, A B C D A B C D …, so that what
 * slows the machine down for a while slows all of them down.
 *
 * @returns {Promise<Record<string, { cost: number, bare: number }>>} by subject, in µs
 */
async function oneRound(tasks, { warmUp, slices }) {
  const children = tasks.map((task) => {
    const users = task.scenario.bytes > 1000 ? 200 : 1000;
    return new Child('cpu.js', { users, ...task, warmUp });
  });
  await Promise.all(children.map((child) => child.answer()));
  const costs = children.map(() => ({ with: [], bare: [] }));
  for (let slice = 0; slice < slices; slice++) {
    for (const [at, child] of children.entries()) {
      const { spent, sent } = await child.ask('slice');
      for (const kind of ['with', 'bare']) costs[at][kind].push(spent[kind] / sent[kind]);
    }
  }
  await Promise.all(children.map((child) => child.end()));
  return Object.fromEntries(tasks.map(({ subject }, at) => {
    // Each first, then the difference: a quartile of differences would lean to the low side.
    const bare = lowerQuartile(costs[at].bare);
    return [subject.name, { cost: lowerQuartile(costs[at].with) - bare, bare }];
  }));
}

function rowOf(name, rounds, ours) {
  const subjects = {};
  for (const subject of Object.keys(rounds[0])) {
    const costs = rounds.map((round) => round[subject].cost);
    const ratios = rounds.map((round) => round[subject].cost / round['express-session'].cost);
    const bares = rounds.map((round) => round[subject].bare);
    subjects[subject] = { cost: summary(costs), ratio: summary(ratios), bare: summary(bares), costs, ratios, bares };
  }
  const bare = summary(rounds.flatMap((round) => Object.values(round).map((result) => result.bare)));
  return { name, ratio: subjects[ours].ratio, bare, subjects };
}

function cpuTable(rows, [ours, ...others]) {
  const titles = ['CPU per request above bare, µs', 'ratio', 'at most', ours.name, 'floor'];
  for (const { name } of others) titles.push(...(name === 'express-session' ? [name] : ['ratio', name]));
  const lines = rows.map(({ name, ratio, subjects }) => {
    const cells = [
      name, spread(ratio, share), ratioFor(name) ? String(ratioFor(name)) : '', spread(subjects[ours.name].cost),
      subjects.floor ? digits(subjects.floor.cost.median) : '–',
    ];
    for (const { name: other } of others) {
      const subject = subjects[other];
      if (other !== 'express-session') cells.push(subject ? digits(subject.ratio.median) : '–');
      cells.push(subject ? spread(subject.cost) : '–');
    }
    return cells;
  });
  return [
    table(titles, lines),
    '',
    'The ratio is to express-session. In brackets: the least and the greatest of the rounds.',
    'The floor is JSON alone: the data are parsed where they are looked at, and turned into JSON where they are written.',
    ...rows.filter(({ subjects }) => subjects.bare).map(({ bare, subjects }) => (
      `A bare request costs ${spread(bare)} µs; measured against itself it differs by ${spread(subjects.bare.cost)} µs.`
    )),
    'cookie-session has no rows of 10 kB: browsers refuse such cookies.',
  ].join('\n');
}

function variantTable(rows, subjects) {
  const titles = ['CPU per request above bare, µs', ...subjects.map(({ name }) => name)];
  const lines = rows.map(({ name, subjects: costs }) => [
    name,
    ...subjects.map(({ name: subject, measure = 'express-session' }) => (
      `${spread(costs[subject].cost)}, ratio ${share(costs[subject].cost.median / costs[measure].cost.median)}`
    )),
  ]);
  return [table(titles, lines), '', 'The ratio is to express-session in memory, or on connect-redis.'].join('\n');
}

function share(ratio) {
  return ratio.toFixed(ratio < 0.0995 ? 3 : 2);
}

module.exports = { cpuRows, cpuTable, variantRows, variantTable, oneRound };
