'use strict';

const TITLES = ['Dune', 'Emma', 'The Trial', 'Middlemarch', 'Snow Crash', 'Solaris', 'Persuasion'];

/**
 * Session data as shops and offices keep it: who is logged in, what they may do,
 * a cart, a message to show once; or one key for each thing, as those have it who write
 * everything to `req.session` itself.
 *
 * @param {number} bytes length of its JSON, without the session's cookie; at least 100
 * @param {number} seed makes sessions differ
 * @param {boolean} isFlat many keys and no nested data but the user's
 * @returns {object}
 */
function sample(bytes, seed = 0, isFlat = false) {
  return isFlat ? flat(bytes, seed) : nested(bytes, seed);
}

/** Bytes that a key takes in a flat sample, with its value. */
const KEY_BYTES = 25;

function flat(bytes, seed) {
  const data = { user: { id: 10000 + seed, name: 'Ada Marlow', visits: 100000 } };
  const room = bytes - JSON.stringify({ ...data, note: '' }).length;
  for (let at = 0; at < Math.floor(room / KEY_BYTES); at++) {
    const key = `pref${String(at).padStart(4, '0')}`;
    // A number of as many digits as a text has characters, with its quotes.
    data[key] = at % 3 === 0 ? 1e12 + seed * 1000 + at : TITLES[at % TITLES.length].padEnd(11, '.').slice(0, 11);
  }
  data.note = 'n'.repeat(Math.max(0, bytes - JSON.stringify({ ...data, note: '' }).length));
  return data;
}

function nested(bytes, seed) {
  const data = {
    user: { id: 10000 + seed, name: 'Ada Marlow', visits: 100000 },
    roles: ['editor'],
    note: '',
  };
  let room = bytes - JSON.stringify(data).length - 60;
  for (let at = seed; room > 150; at++) {
    if (!data.cart) {
      data.cart = { currency: 'EUR', items: [] };
      data.flash = { notice: ['Your changes were saved.'] };
      room = bytes - JSON.stringify(data).length - 20;
    }
    const item = {
      sku: `BK-${1000 + at % 9000}`,
      title: TITLES[at % TITLES.length],
      quantity: 1 + at % 3,
      price: { amount: 495 + (at * 137) % 4000, discount: at % 4 === 0 ? 0.15 : null },
      tags: ['book', at % 2 ? 'paperback' : 'hardcover'],
    };
    data.cart.items.push(item);
    room -= JSON.stringify(item).length + 1;
  }
  data.note = 'n'.repeat(Math.max(0, bytes - JSON.stringify(data).length));
  return data;
}

module.exports = sample;
