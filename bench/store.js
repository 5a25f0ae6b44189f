'use strict';

const Child = require('./child');
const progress = require('./progress');
const { summary } = require('./statistics');
const { table, digits, spread } = require('./table');

/** Sessions that the costs at many of them are compared with. */
const FEW = 1000;

const ROUNDS = 15;
const OPERATIONS = ['get', 'set', 'touch', 'destroy'];

/** Calls during which the collector is watched. */
const CALLS = 200000;

/** How often a store of expired sessions is filled and pruned. */
const PRUNINGS = 3;

/**
 * The store mode: what sessions take and cost in each MemoryStore, when they are few and
 * when they are many.
 *
 * @param {object[]} subjects
 * @param {object} options of the command line
 * @returns {Promise<object[]>} a row per subject
 */
async function storeRows(subjects, { sessions }) {
  const able = subjects.filter(({ store }) => store !== 'none');
  const steps = new Steps(able.length * (ROUNDS + 7));
  const rows = [];
  for (const subject of able) rows.push({ name: subject.name, sessions, ...await measure(subject, sessions, steps) });
  steps.end();
  return rows;
}

/** Says how far it has come. */
class Steps {
  constructor(all) {
    this.all = all;
    this.done = 0;
  }

  next(what) {
    progress(this.done++, this.all, what);
  }

  end() {
    progress(this.all, this.all, '');
  }
}

async function measure(subject, sessions, steps) {
  const step = (what) => steps.next(`${subject.name}: ${what}`);
  step('filling');
  const few = new Child('store-child.js', { subject, sessions: FEW });
  await few.answer();
  const many = new Child('store-child.js', { subject, sessions });
  const memory = await many.answer();

  const costs = Object.fromEntries(OPERATIONS.map((name) => [name, { few: [], many: [] }]));
  for (let round = 1; round <= ROUNDS; round++) {
    step(`round ${round} of ${ROUNDS}`);
    for (const name of OPERATIONS) {
      // In turn, so that what slows the machine down slows both down.
      costs[name].few.push(await few.ask({ task: 'operate', of: name }));
      costs[name].many.push(await many.ask({ task: 'operate', of: name }));
    }
  }
  step('collections');
  const pauses = {
    few: await few.ask({ task: 'pauses', of: CALLS }),
    many: await many.ask({ task: 'pauses', of: CALLS }),
  };
  await few.end();
  step('destroying nine of ten');
  memory.used = await many.ask({ task: 'memory' });
  memory.thinned = await many.ask({ task: 'thin' });
  step('storing as many others');
  memory.refilled = await many.ask({ task: 'refill' });
  step('length');
  const length = await many.ask({ task: 'count' });
  step('clear');
  const clear = await many.ask({ task: 'clear' });
  step('pruning');
  const prune = await prunings(many);
  await many.end();
  return { memory, costs: costsOf(costs), pauses, length, clear, prune };
}

function costsOf(rounds) {
  return Object.fromEntries(Object.entries(rounds).map(([name, { few, many }]) => (
    [name, { few: summary(few), many: summary(many), ratio: summary(many.map((cost, at) => cost / few[at])), rounds: { few, many } }]
  )));
}

/** @returns {Promise<object | undefined>} nothing if the store frees nothing by itself */
async function prunings(child) {
  const rounds = [];
  for (let round = 0; round < PRUNINGS; round++) {
    const figures = await child.ask({ task: 'prune', of: round });
    if (!figures) return undefined;
    rounds.push(figures);
  }
  const of = (kind) => summary(rounds.map((figures) => figures[kind]));
  return { longest: of('longest'), total: of('total'), rounds };
}

function storeTable(rows) {
  const { sessions } = rows[0];
  return [memoryTable(rows, sessions), pauseTable(rows, sessions), costTable(rows, sessions), otherTable(rows, sessions)].join('\n\n');
}

function memoryTable(rows, sessions) {
  const perSession = ({ memory }, kind) => (memory.after[kind] - memory.before[kind]) / sessions;
  const measure = rows.find(({ name }) => name === 'express-session');
  return table(
    [`${sessions} sessions of 310 B`, 'RSS, B each', 'ratio', 'heap, B each', 'RSS, MB: empty', 'full', 'used', '90 % destroyed', 'full again'],
    rows.map((row) => {
      const { before, after, used, thinned, refilled } = row.memory;
      const rss = perSession(row, 'rss');
      return [
        row.name, digits(rss), digits(rss / perSession(measure, 'rss')), digits(perSession(row, 'heap')),
        ...[before, after, used, thinned, refilled].map((memory) => digits(memory.rss / 1e6)),
      ];
    }),
  );
}

function pauseTable(rows, sessions) {
  return table(
    [`collections, ms; ${CALLS} get and set`, `longest of ${FEW}`, `of ${sessions}`, `full one of ${FEW}`, `of ${sessions}`],
    rows.map(({ name, pauses: { few, many } }) => [name, ...[few.longest, many.longest, few.full, many.full].map(digits)]),
  );
}

function costTable(rows, sessions) {
  return table(
    ['CPU per call, µs', `ratio ${sessions} : ${FEW}`, `${FEW} sessions`, `${sessions} sessions`],
    rows.flatMap(({ name, costs }) => OPERATIONS.map((operation) => {
      const { few, many, ratio } = costs[operation];
      return [`${operation}, ${name}`, ...[ratio, few, many].map((numbers) => spread(numbers))];
    })),
  );
}

function otherTable(rows, sessions) {
  return table(
    [`ms, ${sessions} sessions`, 'length() blocks', 'answers in', 'clear() blocks', 'longest turn while pruning', 'pruning'],
    rows.map(({ name, length, clear, prune }) => [
      name, digits(length.blocked), digits(length.answered), digits(clear.blocked),
      ...['longest', 'total'].map((kind) => (prune ? spread(prune[kind]) : '–')),
    ]),
  ) + '\nA store of JavaScript objects is cleared at once and freed by the next full collection.';
}

module.exports = { storeRows, storeTable };
