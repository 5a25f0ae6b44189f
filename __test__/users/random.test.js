'use strict';

// In test:long: USERS_SCENARIOS=10000 USERS_SEED=50000000

/**
 * Random interleavings of all that begins, lists and ends sessions of users; what is seen must be what
 * random/model.js says. A scenario that fails is made smaller.
 *
 *   USERS_SCENARIOS=n   how many on each store
 *   USERS_SEED=n        the first seed; scenario i has seed n + i, so that USERS_SEED=n
 *                       USERS_SCENARIOS=1 replays one
 */

const { isOurs } = require('../subject');
const checkScenarios = require('./random/check');
const { disk, memory } = require('./random/stores');

const skip = !isOurs && 'the original knows no users';

checkScenarios('MemoryStore', 150, async () => memory(), { skip });
checkScenarios('DiskStore', 80, async () => disk(), { skip });
