'use strict';

// Writes into the package of each platform how many bytes its addon has, which
// session/native/load.js looks at before it loads one: `node scripts/release/sizes.js`.
const fs = require('node:fs');
const path = require('node:path');

/**
 * @param {string} folder has the packages, each in a folder of its own; passes over those that
 *   have no addon
 */
function writeSizes(folder) {
  for (const platform of fs.readdirSync(folder)) {
    const file = path.join(folder, platform, 'package.json');
    const manifest = JSON.parse(fs.readFileSync(file, 'utf8'));
    const addon = fs.statSync(path.join(folder, platform, manifest.main), { throwIfNoEntry: false });
    if (addon) fs.writeFileSync(file, `${JSON.stringify({ ...manifest, binarySize: addon.size }, null, 2)}\n`);
  }
}

module.exports = writeSizes;

if (require.main === module) writeSizes(path.join(__dirname, '..', '..', 'npm'));
