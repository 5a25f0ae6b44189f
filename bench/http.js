'use strict';

const { spawnSync } = require('node:child_process');
const Child = require('./child');
const progress = require('./progress');
const { SCENARIOS } = require('./scenarios');
const { lowerQuartile, median, summary } = require('./statistics');
const { table, digits, spread } = require('./table');

const BARE = { name: 'bare', store: 'none' };
const READ = SCENARIOS.find(({ name }) => name === 'read, 100 B');

/**
 * The HTTP mode: requests per second of a read of 100 B. The server has one core,
 * the load generator another; the subjects' servers stand side by side and are
 * asked in turn.
 *
 * @param {object[]} subjects
 * @param {object} options of the command line
 * @param {object} [redis] the server of those on connect-redis
 * @returns {Promise<object>} per subject, and the ratios of the first one to each
 */
async function throughput(subjects, options, redis) {
  const all = [BARE, ...subjects];
  const turns = options.quick ? 2 : 4;
  const ms = options.quick ? 400 : 700;
  const rounds = [];
  let done = 0;
  for (let round = 1; round <= options.rounds; round++) {
    const generator = new Child('load.js', { isAwake: options.awake }, pinnedTo(1));
    await generator.answer();
    const servers = [];
    for (const subject of all) {
      const child = new Child('server.js', { subject, scenario: READ, maxAge: options.maxAge, redis }, pinnedTo(0));
      servers.push({ subject, child, address: await child.answer(), rates: [], shares: [], costs: [] });
    }
    for (const { child, address } of servers) await warm(child, generator, address);
    for (let turn = 0; turn < turns; turn++) {
      for (const { subject, child, address, rates, shares, costs } of servers) {
        progress(done++, options.rounds * turns * all.length, `round ${round}, HTTP: ${subject.name}`);
        const before = await child.ask('cpu');
        const { responses, ms: elapsed } = await generator.ask({ ...address, ms });
        const after = await child.ask('cpu');
        const spent = usedBy(after) - usedBy(before);
        rates.push((responses / elapsed) * 1000);
        shares.push(spent / 1000 / elapsed);
        costs.push(spent / responses);
      }
    }
    await Promise.all([generator, ...servers.map(({ child }) => child)].map((child) => child.end()));
    rounds.push(Object.fromEntries(servers.map(({ subject, rates, shares, costs }) => (
      [subject.name, { rate: 1 / lowerQuartile(rates.map((rate) => 1 / rate)), busy: median(shares), cost: lowerQuartile(costs) }]
    ))));
  }
  progress(done, done, '');
  return resultOf(rounds, subjects[0].name);
}

function resultOf(rounds, ours) {
  const subjects = {};
  const ratios = {};
  for (const name of Object.keys(rounds[0])) {
    subjects[name] = {
      rate: summary(rounds.map((round) => round[name].rate)),
      busy: median(rounds.map((round) => round[name].busy)),
      cost: summary(rounds.map((round) => round[name].cost)),
    };
    ratios[name] = summary(rounds.map((round) => round[ours].rate / round[name].rate));
  }
  return { scenario: READ.name, ours, subjects, ratios, isPinned: pinnedTo(0).length > 0 };
}

/** Asks a server until it has used a second of its core: on a busy machine that takes longer. */
async function warm(child, generator, address) {
  do await generator.ask({ ...address, ms: 1000 });
  while (usedBy(await child.ask('cpu')) < 1e6);
}

/** µs of CPU time. */
function usedBy({ user, system }) {
  return user + system;
}

/** A command that keeps a process on one core, where there is one. */
function pinnedTo(core) {
  return spawnSync('taskset', ['-c', String(core), 'true']).status === 0 ? ['taskset', '-c', String(core)] : [];
}

function httpTable({ scenario, ours, subjects, ratios, isPinned }) {
  const rows = Object.entries(subjects).map(([name, { rate, busy, cost }]) => [
    name, spread(ratios[name], (ratio) => ratio.toFixed(2)), spread(rate, (number) => String(Math.round(number))), `${digits(busy * 100)} %`, spread(cost),
  ]);
  const titles = [`requests per second, ${scenario}`, `${ours} is … times`, 'requests per second', 'server busy', 'CPU of the server, µs'];
  const note = isPinned ? '' : '\nWithout taskset the server was not kept on one core.';
  return table(titles, rows) + note;
}

module.exports = { throughput, httpTable };
