'use strict';

const { describe, it } = require('node:test');
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const Expiring = require('../../stores/doubles/expiring');
const Statements = require('../../stores/doubles/statements');
const { clock } = require('../clock');

const doubles = path.join(__dirname, '..', '..', 'stores', 'doubles');

/** Doubles end the process they do not know what to do in. */
function run(program) {
  return spawnSync(process.execPath, ['-e', program], { cwd: doubles, encoding: 'utf8', timeout: 20000 });
}

describe('the double of a client', () => {
  it('ends the process at a statement it does not know, though the store swallows the error', () => {
    const { status, stderr } = run(`
      const Statements = require('./statements');
      const statements = new Statements('suite', { 'DELETE FROM sessions': () => [] });
      try { statements.run('DELETE FROM sessions WHERE sid = ?', ['a']); } catch {}
      setInterval(() => {}, 1000);
    `);
    assert.equal(status, 1);
    assert.match(stderr, /double of suite does not know: DELETE FROM sessions WHERE sid = \?/);
  });

  it('ends the process at a method it does not know', () => {
    const { status, stderr } = run(`
      const client = require('./clients/couchbase')();
      Promise.resolve().then(() => client.getMulti(['a'])).catch(() => {});
      setInterval(() => {}, 1000);
    `);
    assert.equal(status, 1);
    assert.match(stderr, /double of couchbase does not know: getMulti/);
  });

  it('ends the process at a path it does not know', () => {
    const { status, stderr } = run(`
      require('./clients/rest')().then((port) => fetch('http://127.0.0.1:' + port + '/a/b')).catch(() => {});
    `);
    assert.equal(status, 1);
    assert.match(stderr, /double of a REST service does not know: GET \/a\/b/);
  });

  it('tells the parts of a statement that vary, whatever its blanks', () => {
    const statements = new Statements('suite', {
      'UPDATE $ USING TTL $ SET session = ?': ([session], table, ttl) => [session, table, ttl],
    });
    assert.deepEqual(statements.run('UPDATE sessions\n  USING TTL 60 SET session = ?', ['{}']),
      ['{}', 'sessions', '60']);
  });

  it('hands out copies, and keeps them as long as it was told', (t) => {
    const time = clock(t, 0);
    const values = new Expiring();
    const value = { count: 1 };
    values.set('a', value, 1000);
    value.count = 2;
    assert.deepEqual(values.get('a'), { count: 1 });
    time.setTime(999);
    assert.equal(values.touch('a', 1000), true);
    time.setTime(1998);
    assert.deepEqual(values.values(), [{ count: 1 }]);
    time.setTime(1999);
    assert.equal(values.get('a'), undefined);
    assert.equal(values.touch('a', 1000), false);
    assert.equal(values.delete('a'), false);
  });
});
