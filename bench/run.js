'use strict';

// `npm run bench`: arguments.js has what it takes, NOTES.md how it measures.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readArguments = require('./arguments');
const chart = require('./chart');
const { cpuRows, cpuTable, variantRows, variantTable } = require('./rounds');
const { growth, growthTable } = require('./growth');
const { throughput, httpTable } = require('./http');
const { microRows, microTable } = require('./micro');
const { requireRows, requireTable } = require('./startup');
const { soakRun, soakTable } = require('./soak');
const { storeRows, storeTable } = require('./store');
const { SUBJECTS, DISK_SUBJECTS, FEATURE_SUBJECTS, REDIS_SUBJECTS } = require('./subjects');
const { misses } = require('./target');
const { walkRows, walkTable } = require('./walk');
const { threadRates, threadTable } = require('./threads');
const { missing } = require('../test-kit/installed');
const { startRedis } = require('../test-kit/redis');
const Nodes = require('../test-kit/redis-cluster');

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

async function main() {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    console.log(options.help);
    return;
  }
  const subjects = chosen(options);
  const report = { machine: machine(), versions: versions(subjects), options };
  console.log(`${report.machine}\n${report.versions}\n`);
  if (os.loadavg()[0] > 0.7) {
    console.log(`The machine is busy (load ${os.loadavg()[0].toFixed(1)}): expect a wide spread.\n`);
  }

  if (options.micro) {
    report.micro = microRows(options);
    console.log(`${microTable(report.micro)}\n`);
  }
  if (options.growth) await runGrowth(report, subjects.slice(0, 2), options);
  if (options.store) {
    report.store = await storeRows(subjects, options);
    console.log(`${storeTable(report.store)}\n`);
  }
  if (options.threads) {
    report.threads = await threadRates();
    console.log(`${threadTable(report.threads)}\n`);
  }
  if (options.soak) await runSoak(report, options);
  if (options.require) {
    report.require = requireRows(subjects, options);
    console.log(`${requireTable(report.require)}\n`);
  }
  if (options.disk || options.features) await runVariants(options.disk ? 'disk' : 'features', subjects, report, options);
  if (options.redis) await runRedis(subjects, report, options);
  if (options.walk) {
    report.walk = await walkRows(subjects.filter(({ store }) => store === 'own'));
    console.log(`${walkTable(report.walk)}\n`);
  }
  const { micro, growth, http, store, threads, soak, disk, features, redis, walk } = options;
  const hasCpu = options.check || !(micro || growth || http || store || threads || soak || disk || features || redis || walk || options.require);
  if (hasCpu) await runCpu(report, subjects, options);
  if ((options.http && !options.redis) || options.check) {
    report.http = await throughput(subjects, options);
    console.log(`${httpTable(report.http)}\n`);
  }
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.check) check(report);
}

async function runCpu(report, subjects, options) {
  const needsServer = !options['no-redis'] && !options['no-server'];
  const absent = needsServer && missing('redis-server');
  if (absent) console.log(`${absent}.\nThe connect-redis rows run on a client that answers at once, without a server.\n`);
  const server = needsServer && !absent ? await startRedis() : undefined;
  report.redis = server ? 'server' : 'client that answers at once';
  try {
    report.cpu = await cpuRows(subjects, options, server && { urls: [server.url] });
  } finally {
    if (server) await server.stop();
  }
  console.log(`${cpuTable(report.cpu, subjects)}\n`);
  // A part of the rows, or a glance at them, is not what the README shows.
  const file = options.svg || (options.quick || options.only || options.subjects ? undefined : path.join(__dirname, 'chart.svg'));
  if (file) {
    const names = subjects.map(({ name }) => name).slice(0, 4);
    fs.writeFileSync(file, chart.bars(report.cpu, names, report.machine));
  }
}

async function runVariants(mode, all, report, options) {
  const absent = missing('redis-server');
  const isThere = ({ store, folder }) => (store === 'redis'
    ? !absent
    : folder === undefined || fs.existsSync(path.join(__dirname, '..', 'stores', folder, 'node_modules')));
  const subjects = all.filter(isThere);
  for (const { name, store } of all.filter((subject) => !isThere(subject))) {
    console.log(`${name} is left out: ${store === 'redis' ? absent : `\`npm run test:stores -- ${name}\` installs it`}.`);
  }
  const server = absent || !subjects.some(({ store }) => store === 'redis') ? undefined : await startRedis();
  try {
    report[mode] = await variantRows(subjects, options, server && { urls: [server.url] });
  } finally {
    if (server) await server.stop();
  }
  console.log(`${variantTable(report[mode], subjects)}\n`);
}

/** The mode `--redis`: on one Redis, and on a Redis Cluster. */
async function runRedis(subjects, report, options) {
  const absent = missing('redis-server', 'redis-cli');
  if (absent) throw new Error(absent);
  report.connectRedis = {};
  const servers = { 'one Redis': startRedis, 'a Redis Cluster of six nodes': () => Nodes.start() };
  for (const [name, start] of Object.entries(servers)) {
    const server = await start();
    try {
      const at = { urls: server.urls ?? [server.url] };
      const cpu = await variantRows(subjects, { ...options, only: options.only || ', 100 B' }, at);
      const http = await throughput(subjects, options, at);
      report.connectRedis[name] = { cpu, http };
      console.log(`${name}\n${variantTable(cpu, subjects)}\n\n${httpTable(http)}\n`);
    } finally {
      await server.stop();
    }
  }
}

async function runGrowth(report, subjects, options) {
  report.growth = await growth(subjects, options);
  const names = subjects.map(({ name }) => name);
  console.log(`${growthTable(report.growth, names)}\n`);
  const file = options.svg || (options.only ? undefined : path.join(__dirname, 'growth.svg'));
  if (file) fs.writeFileSync(file, chart.lines(report.growth, names, report.machine));
}

async function runSoak(report, options) {
  report.soak = await soakRun(options);
  console.log(`${soakTable(report.soak)}\n`);
  fs.writeFileSync(options.svg || path.join(__dirname, 'soak.svg'), chart.series(report.soak.panels, report.soak.title, report.machine));
  if (report.soak.faults.length > 0) process.exitCode = 1;
}

function check({ cpu, http }) {
  const missed = misses(cpu, http);
  for (const line of missed) console.log(`missed  ${line}`);
  if (missed.length === 0) console.log('Every target is met.');
  else process.exitCode = 1;
}

function chosen({ quick, subjects, also, disk, features, redis }) {
  const all = disk ? DISK_SUBJECTS : features ? FEATURE_SUBJECTS : redis ? REDIS_SUBJECTS : SUBJECTS;
  const names = subjects ? subjects.split(',') : all.map(({ name }) => name).slice(0, quick && all === SUBJECTS ? 2 : Infinity);
  for (const name of names) {
    if (!all.some((subject) => subject.name === name)) throw new TypeError(`--subjects: there is no ${name}`);
  }
  const list = all.filter(({ name }, at) => at < 2 || names.includes(name));
  for (const entry of also) {
    const [name, folder] = entry.split('=');
    if (!folder) throw new TypeError(`--also takes NAME=DIR, not ${entry}`);
    list.push({ name, session: path.resolve(folder), store: 'own' });
  }
  return list;
}

function machine() {
  const cpus = os.cpus();
  return `${cpus[0].model.trim()}, ${cpus.length} cores, Node ${process.versions.node}, ${os.platform()} ${os.arch()}`;
}

/** The npm packages' versions, as they are installed. */
function versions(subjects) {
  const packages = new Set(subjects.flatMap(({ session, store }) => [session, store]));
  return [...packages].filter((name) => /^[a-z-]+$/.test(name) && name !== 'own' && name !== 'none').map((name) => {
    const file = require.resolve(`${name}/package.json`);
    return `${name} ${JSON.parse(fs.readFileSync(file, 'utf8')).version}`;
  }).join(', ');
}
