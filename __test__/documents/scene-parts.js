'use strict';

/** Matches these lines and nothing else. */
const lines = (...all) => new RegExp(`^${all.join('\\n')}\\n$`);

/** A clock that a visit of this path puts forward, by minutes, before it is asked for its session. */
const later = (program) => `const realNow = Date.now;
let minutes = 0;
Date.now = () => realNow() + minutes * 60000;
${program.replace('const fails', 'app.get(\'/later/:minutes\', (req, res) => { minutes += Number(req.params.minutes); res.end(\'later\'); });\nconst fails')}`;

module.exports = { lines, later };
