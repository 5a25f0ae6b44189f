'use strict';

/**
 * Who may log in. A real app asks its database, and asks for a password: this
 * one is about sessions, so a name is enough.
 */
const users = new Map([
  ['ada', { name: 'ada', fullName: 'Ada Lovelace' }],
  ['grace', { name: 'grace', fullName: 'Grace Hopper' }],
  ['linus', { name: 'linus', fullName: 'Linus Torvalds' }],
]);

/** The names that can log in, for the hint under the form. */
const names = [...users.keys()];

/**
 * The user of that name, or undefined. What a form sends may be no string at
 * all (`name=a&name=b` is an array).
 * @param {unknown} name
 */
function findUser(name) {
  return typeof name === 'string' ? users.get(name.trim().toLowerCase()) : undefined;
}

module.exports = { names, findUser };
