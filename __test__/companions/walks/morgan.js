'use strict';

const assert = require('node:assert/strict');

module.exports = {
  title: 'morgan, which logs the session',
  variants: [{ EXPRESS: 'express4' }],

  async steps({ browser }) {
    const ada = browser();

    await ada.get('/nowhere');
    await ada.get('/');
    await ada.get('/');
    await ada.get('/stream');
    await ada.get('/broken');
    await ada.get('/renew');
    await ada.head('/');
    await ada.get('/destroy');
    ada.jar.set('connect.sid', 's%3Aforged.signature');
    await ada.get('/nowhere');
  },

  check(story) {
    const lines = story.lines('stdout');

    assert.equal(lines.filter((line) => line === 'took string,string').length, 9);
    assert.equal(lines.filter((line) => /^at once [A-Z]+ \S+ - -$/.test(line)).length, 9);
    assert.deepEqual(lines.filter((line) => line.includes('failed')),
      ['- failed with 404', 'ada failed with 500', '- failed with 404']);

    // morgan escapes quotes. SID-3 and SID-4 are of visitors who got no cookie.
    const ada = '{\\"user\\":\\"ada\\"}';
    const parts = '{\\"user\\":\\"ada\\",\\"parts\\":3}';
    const first = 'connect.sid=SID-1, signed';
    const second = 'connect.sid=SID-2, signed';
    assert.deepEqual(lines.filter((line) => line.startsWith('done')), [
      'done GET /nowhere 404 146 - - SID-3 {}',
      `done GET / 200 5 ${first}; Path=/; HttpOnly - SID-1 ${ada}`,
      `done GET / 200 5 - ${first} SID-1 ${ada}`,
      `done GET /stream 200 - - ${first} SID-1 ${parts}`,
      `done GET /broken 500 6 - ${first} SID-1 ${parts}`,
      `done GET /renew 200 7 ${second}; Path=/; HttpOnly ${first} SID-2 {}`,
      `done HEAD / 200 5 - ${second} SID-2 ${ada}`,
      `done GET /destroy 204 - - ${second} SID-2 -`,
      'done GET /nowhere 404 146 - connect.sid=s%3Aforged.signature SID-4 {}',
    ]);
  },
};
