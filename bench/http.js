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
      servers.push({ subject, child, address: await child.answer(), rates: [], shares: [] });
    }
    for (const { address } of servers) await generator.ask({ ...address, ms: 1000 });
    for (let turn = 0; turn < turns; turn++) {
      for (const { subject, child, address, rates, shares } of servers) {
        progress(done++, options.rounds * turns * all.length, `round ${round}, HTTP: ${subject.name}`);
        const before = await child.ask('cpu');
        const { responses, ms: elapsed } = await generator.ask({ ...address, ms });
        const after = await child.ask('cpu');
        rates.push((responses / elapsed) * 1000);
        shares.push((after.user + after.system - before.user - before.system) / 1000 / elapsed);
      }
    }
    await Promise.all([generator, ...servers.map(({ child }) => child)].map((child) => child.end()));
    rounds.push(Object.fromEntries(servers.map(({ subject, rates, shares }) => (
      [subject.name, { rate: 1 / lowerQuartile(rates.map((rate) => 1 / rate)), busy: median(shares) }]
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
    };
    ratios[name] = summary(rounds.map((round) => round[ours].rate / round[name].rate));
  }
  return { scenario: READ.name, ours, subjects, ratios, isPinned: pinnedTo(0).length > 0 };
}

/** A command that keeps a process on one core, where there is one. */
function pinnedTo(core) {
  return spawnSync('taskset', ['-c', String(core), 'true']).status === 0 ? ['taskset', '-c', String(core)] : [];
}

function httpTable({ scenario, ours, subjects, ratios, isPinned }) {
  const rows = Object.entries(subjects).map(([name, { rate, busy }]) => [
    name, spread(ratios[name], (ratio) => ratio.toFixed(2)), spread(rate, (number) => String(Math.round(number))), `${digits(busy * 100)} %`,
  ]);
  const titles = [`requests per second, ${scenario}`, `${ours} is … times`, 'requests per second', 'server busy'];
  const note = isPinned ? '' : '\nWithout taskset the server was not kept on one core.';
  return table(titles, rows) + note;
}

module.exports = { throughput, httpTable };
