'use strict';

/**
 * Looks at what a user of this package runs that is not ours (dependencies.js), one
 * line for each check:
 *
 * - by ourselves, everywhere: where it comes from, under which licences, and that
 *   docs/dependencies.md gives the reason for each;
 * - `npm audit`, where the registry has advisories;
 * - `cargo deny check`, where that is installed (`cargo install cargo-deny --locked`),
 *   and of its checks the advisories only where their database can be fetched.
 *
 * Exit status 1 if one of them found something. One that cannot run says why, and is no
 * failure: a machine without the internet could not pass otherwise.
 */
const { spawnSync } = require('node:child_process');
const { root, npmPackages, crates, isAllowed, allowedLicences, documented } = require('./dependencies');

/** Ms for a program: one that waits for a network that is not there must not hold CI up. */
const LONGEST = 60 * 1000;

/** A check that could not be made: no statement about the dependencies. */
class NotRun extends Error {}

const checks = {
  'sources, licences and reasons': ourselves,
  'npm audit': npmAudit,
  'cargo deny: bans, licenses, sources': () => cargoDeny(['--offline'], ['bans', 'licenses', 'sources']),
  'cargo deny: advisories': () => cargoDeny([], ['advisories']),
};

for (const [name, check] of Object.entries(checks)) {
  try {
    const findings = check();
    console.log(`${name}: ${findings.length === 0 ? 'nothing found' : `${findings.length} found`}`);
    for (const finding of findings) console.log(`  ${finding}`);
    if (findings.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof NotRun)) throw error;
    console.log(`${name}: not run: ${error.message}`);
  }
}

/** @returns {string[]} what is wrong */
function ourselves() {
  const allowed = allowedLicences();
  const shipped = [...npmPackages(), ...crates()];
  const findings = shipped.flatMap(({ name, version, licence, problems }) => [
    ...problems,
    ...(isAllowed(licence, allowed) ? [] : [`has the licence ${licence}, which deny.toml does not allow`]),
  ].map((problem) => `${name} ${version} ${problem}`));

  const row = ({ part, name, licence }) => `${part}, ${name}, ${licence}`;
  const is = new Set(shipped.map(row));
  const said = new Set(documented().map(row));
  for (const text of is) if (!said.has(text)) findings.push(`docs/dependencies.md lacks: ${text}`);
  for (const text of said) if (!is.has(text)) findings.push(`docs/dependencies.md lists what is not there: ${text}`);
  return findings;
}

/** @returns {string[]} advisories */
function npmAudit() {
  const { stdout } = run('npm', ['audit', '--omit=dev', '--json']);
  const report = parsed(stdout);
  if (!report || !report.vulnerabilities) {
    // Without the address: nobody's registry belongs into a log.
    const reason = report && (report.message || report.error?.summary);
    throw new NotRun(String(reason || 'npm gave no report').replace(/ - [A-Z]+ \S+/, ''));
  }
  return Object.values(report.vulnerabilities).map(({ name, severity, range }) => `${name} ${range}: ${severity}`);
}

/** @returns {string[]} what its diagnostics of level `error` say */
function cargoDeny(options, names) {
  const { status, stderr } = run('cargo-deny', ['--format', 'json', ...options, 'check', ...names]);
  const records = stderr.split('\n').map(parsed).filter(Boolean);
  // Without a summary it gave up before it checked anything.
  if (!records.some(({ type }) => type === 'summary')) {
    const [message = 'it gave no report'] = records.filter(({ type }) => type === 'log').map(({ fields }) => fields.message);
    throw new NotRun(message.split('\n')[0].split(' with cli')[0]);
  }
  const errors = records.filter(({ type, fields }) => type === 'diagnostic' && fields.severity === 'error');
  const findings = errors.map(({ fields }) => `${cratesOf(fields)}${fields.message}`);
  // Whatever it found, and whatever becomes of its format.
  return status !== 0 && findings.length === 0 ? [`cargo deny ended with ${status}`] : findings;
}

function cratesOf({ graphs = [] }) {
  return graphs.map(({ Krate }) => (Krate ? `${Krate.name} ${Krate.version}: ` : '')).join('');
}

function run(command, args) {
  const { error, ...result } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: LONGEST,
    shell: process.platform === 'win32',
  });
  if (error) throw new NotRun(error.code === 'ENOENT' ? `there is no ${command} here` : error.message);
  return result;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
