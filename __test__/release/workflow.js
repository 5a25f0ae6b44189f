'use strict';

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const yaml = require('js-yaml');

/**
 * A workflow of GitHub's, of which this machine runs the jobs, each step as it stands in the
 * file. Of the actions only those are done that hand files from job to job; the others set up
 * what is here already.
 */
class Workflow {
  /**
   * @param {string} file
   * @param {object} place
   * @param {string} place.folder the checkout
   * @param {string} place.artifacts takes what jobs upload, a folder for each name
   * @param {object} place.env of every step, before what a step itself sets
   * @param {object} place.forced environment that no step can change
   * @param {RegExp} place.ready steps that are not run, since what they do is there
   */
  constructor(file, place) {
    this.jobs = yaml.load(fs.readFileSync(file, 'utf8')).jobs;
    this.place = place;
  }

  /**
   * @param {string} name of the job
   * @returns {Promise<{ status: number, output: string, step: string }>} of the step that was
   *   the last, as one that fails is
   */
  async run(name) {
    let result;
    for (const step of this.jobs[name].steps) {
      if (step.if) throw new Error(`${name}: a step with a condition`);
      if (step.uses) this.act(step);
      else if (!this.place.ready.test(step.run)) result = await this.shell(step);
      if (result?.status) break;
    }
    return result;
  }

  act({ uses, with: input }) {
    const { folder, artifacts } = this.place;
    const [action] = uses.split('@');
    if (action === 'actions/upload-artifact') {
      const to = path.join(artifacts, input.name);
      fs.mkdirSync(to, { recursive: true });
      for (const file of matching(folder, input.path)) {
        fs.copyFileSync(path.join(folder, file), path.join(to, path.basename(file)));
      }
    } else if (action === 'actions/download-artifact') {
      const wanted = input.name ?? input.pattern;
      for (const each of matching(artifacts, wanted)) {
        fs.cpSync(path.join(artifacts, each), path.join(folder, input.path), { recursive: true });
      }
    } else if (action === 'actions/checkout') {
      // A job finds nothing of what the last one left.
      execFileSync('git', ['reset', '--quiet', '--hard'], { cwd: folder });
      execFileSync('git', ['clean', '--quiet', '-ffdx', '--exclude', 'node_modules'], { cwd: folder });
    } else if (action !== 'actions/setup-node') {
      throw new Error(`${action} is not known here`);
    }
  }

  /** As GitHub runs what has `shell: bash`. */
  shell(step) {
    const { folder, env, forced } = this.place;
    if (JSON.stringify(step).includes('${{')) throw new Error(`only GitHub knows what is meant: ${JSON.stringify(step)}`);
    return new Promise((resolve, reject) => {
      const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', step.run], {
        cwd: folder,
        env: { ...env, ...step.env, ...forced },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, output, step: step.name ?? step.run }));
    });
  }
}

/** Paths in a folder, for a pattern with stars in its last part. */
function matching(folder, pattern) {
  const place = path.dirname(pattern);
  const last = new RegExp(`^${path.basename(pattern).replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  return fs.readdirSync(path.join(folder, place)).filter((name) => last.test(name)).map((name) => path.join(place, name));
}

module.exports = Workflow;
