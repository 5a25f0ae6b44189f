'use strict';

const assert = require('node:assert/strict');
const { Project } = require('../types/project');

/** Compiles a block by `tsc --strict`, with this package under the name in its mark. */
async function typescript({ text, mark }) {
  const project = new Project().addOurs(mark || 'express-session-rs');
  try {
    project.write('block.ts', text);
    assert.deepEqual(project.compile(['block.ts'], { esModuleInterop: true }), []);
  } finally {
    project.remove();
  }
}

module.exports = typescript;
