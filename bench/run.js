'use strict';

// `npm run bench`: see arguments.js for what it takes, NOTES.md for how it measures.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readArguments = require('./arguments');
const { cpuRows } = require('./rounds');
const { SUBJECTS } = require('./subjects');
const { RATIOS, misses } = require('./target');
const { table, digits, spread } = require('./table');

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
  const report = { machine: machine(), options };
  console.log(`${report.machine}\n`);
  const subjects = chosen(options);
  report.cpu = await cpuRows(subjects, options);
  console.log(cpuTable(report.cpu, subjects));
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (!options.check) return;
  const missed = misses(report.cpu, report.http);
  for (const line of missed) console.log(`missed  ${line}`);
  if (missed.length > 0) process.exitCode = 1;
}

function chosen({ quick, subjects, also }) {
  const names = subjects ? subjects.split(',') : SUBJECTS.map(({ name }) => name).slice(0, quick ? 2 : Infinity);
  const list = SUBJECTS.filter(({ name }, at) => at < 2 || names.includes(name));
  for (const entry of also) {
    const [name, folder] = entry.split('=');
    list.push({ name, session: path.resolve(folder), store: 'own' });
  }
  return list;
}

function cpuTable(rows, [ours, ...others]) {
  const titles = ['CPU per request above bare, µs', 'ratio', 'at most', ours.name];
  for (const { name } of others) titles.push(...(name === 'express-session' ? [name] : ['ratio', name]));
  return table(titles, rows.map((row) => {
    const cells = [row.name, spread(row.ratio, share), RATIOS[row.name] ? String(RATIOS[row.name]) : '', spread(row.subjects[ours.name].cost)];
    for (const { name } of others) {
      const subject = row.subjects[name];
      if (name !== 'express-session') cells.push(subject ? digits(subject.ratio.median) : '–');
      cells.push(subject ? spread(subject.cost) : '–');
    }
    return cells;
  }));
}

function share(ratio) {
  return ratio.toFixed(ratio < 0.0995 ? 3 : 2);
}

function machine() {
  const cpus = os.cpus();
  return `${cpus[0].model.trim()}, ${cpus.length} cores, Node ${process.versions.node}, ${os.platform()} ${os.arch()}`;
}
