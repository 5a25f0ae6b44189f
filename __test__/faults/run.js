'use strict';

/**
 * Puts the site under load and through the faults, one by one, and says what came
 * of it. As a command it prints the figures; the variables:
 *
 * FAULTS_SECONDS  goes through the faults over and over for so long; once without
 * and SUBJECT, OFFLINE_QUEUE, STORE_TIMEOUT, SLOW and PLANT as in app.js.
 */
const Browser = require('./browser');
const Crowd = require('./crowd');
const Ledger = require('./ledger');
const Stage = require('./stage');
const allFaults = require('./faults');

/** How long it may take the site to resume, in ms. node-redis waits for 2.2 s at most between two attempts. */
const RESUME = 30000;

/** How long the load goes on between two faults at least, in ms. */
const CALM = 500;

/**
 * @param {object} [options]
 * @param {Record<string, string>} [options.env] of the app: see app.js
 * @param {string[]} [options.names] of the faults
 * @param {number} [options.seconds] for which to go on
 * @param {number} [options.patience] with an answer, in ms
 * @param {number} [options.resume] how long that may take, in ms
 * @returns {Promise<{ ledger: Ledger, rows: Record<string, object> }>} `rows` has
 *   for each fault the figures of the time from its beginning to the next
 */
async function run({ env, names = Object.keys(allFaults), seconds = 0, patience, resume = RESUME } = {}) {
  const stage = await Stage.start(env);
  const ledger = new Ledger();
  const crowd = new Crowd(stage.url, ledger, { patience });
  const rows = {};

  try {
    crowd.go();
    await book('no fault', () => resumes({ stage, ledger, crowd, resume }));

    const end = Date.now() + seconds * 1000;
    let round = 0;

    do {
      for (const name of names) {
        if (ledger.stuck > 0) break;
        await book(name, () => suffer(name, { stage, ledger, crowd, resume, round, patience }));
      }
      round++;
    } while (Date.now() < end && ledger.stuck === 0);
  } finally {
    await crowd.stop();
    await stage.stop();
  }
  return { ledger, rows };

  /** Puts down what comes into the ledger meanwhile. */
  async function book(name, action) {
    const before = ledger.figures;

    await action();
    for (const [key, figure] of Object.entries(ledger.figures)) {
      rows[name] ??= {};
      rows[name][key] = (rows[name][key] ?? 0) + figure - (before[key] ?? 0);
    }
  }
}

async function suffer(name, at) {
  const { stage, ledger, round, patience } = at;
  const probe = new Browser(`probe-${name.replaceAll(' ', '-')}-${round}`, stage.url, ledger, patience);

  try {
    if (!await probe.logIn()) throw new Error(`cannot log in before: ${name}`);
    ledger.roughen();
    await allFaults[name](stage, probe, round);
    await resumes(at);
  } finally {
    probe.close();
  }

  // Others have taken over from a process that was killed. That there is a new one disturbs nobody.
  const dead = stage.processes.findIndex(({ over }) => over.signal.aborted);

  if (dead !== -1) {
    await stage.startProcess(dead);
    await resumes(at);
  }
}

/** Until every living process serves and the crowd is well. From then on nothing may fail. */
async function resumes({ stage, ledger, crowd, resume }) {
  const doors = stage.doors.filter((_, i) => !stage.processes[i].over.signal.aborted);
  const open = await Promise.all(doors.map((door) => serves(door, { ledger, resume })));

  if (!open.every(Boolean) || !await crowd.areWell(resume)) {
    ledger.find('stuck', `serving: ${open.join(', ')}`);
    return;
  }
  ledger.calm();
  await Crowd.pause(CALM);
  if (!await crowd.areWell(resume)) ledger.find('stuck', 'not well though nothing is wrong');
  await crowd.audit(doors);
}

let knocks = 0;

/** @returns {Promise<boolean>} whether a process has a session for somebody who comes again */
async function serves(door, { ledger, resume }) {
  const visitor = new Browser(`visitor-${++knocks}`, door, ledger);

  try {
    for (const end = Date.now() + resume; Date.now() < end; await Crowd.pause(50)) {
      if (await visitor.logIn() && await visitor.read()) return true;
    }
    return false;
  } finally {
    visitor.close();
  }
}

/** @returns {string} a table in Markdown */
function table(rows) {
  const columns = ['sent', 'answered', 'failed', 'checked', 'wrong', 'lost', 'revived', 'hanging', 'unexcused', 'stuck'];
  const line = (cells) => `| ${cells.join(' | ')} |`;

  return [
    line(['', ...columns]),
    line(['---', ...columns.map(() => '--:')]),
    ...Object.entries(rows).map(([name, figures]) => line([name, ...columns.map((column) => figures[column])])),
  ].join('\n');
}

module.exports = { run, table };

if (require.main === module) main();

async function main() {
  const { FAULTS_SECONDS, SUBJECT, OFFLINE_QUEUE, STORE_TIMEOUT, SLOW, PLANT } = process.env;

  const { ledger, rows } = await run({
    env: Object.fromEntries(Object.entries({ SUBJECT, OFFLINE_QUEUE, STORE_TIMEOUT, SLOW, PLANT }).filter(([, value]) => value)),
    seconds: Number(FAULTS_SECONDS || 0),
  });

  console.log(table({ ...rows, all: ledger.figures }));
  console.log(JSON.stringify(ledger.figures));
  for (const finding of ledger.findings) console.log(finding);
  process.exitCode = Object.values(ledger.faults).some(Boolean) ? 1 : 0;
}
