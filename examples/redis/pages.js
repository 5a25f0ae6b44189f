'use strict';

const { html } = require('../app/html');

/** The frame that every page shares. */
function layout({ title, body }) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · sessions in Redis</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

/**
 * @param {object} page
 * @param {string} page.number of the process that answers
 * @param {string[]} page.names that can log in
 * @param {number} page.count
 * @param {{ fullName: string }} [page.user]
 */
function homePage({ number, names, count, user }) {
  return layout({
    title: `Process ${number}`,
    body: html`<p>answered this request, and the next one will answer the next. Your session is in Redis, so they all know it.</p>
<form method="post" action="/count" class="card">
<p>You have pressed this button <strong id="count">${count}</strong> ${count === 1 ? 'time' : 'times'}.</p>
<button>Press</button>
</form>
${user
  ? html`<form method="post" action="/logout" class="card"><p>You are <span id="user">${user.fullName}</span>.</p><button>Log out</button></form>`
  : html`<form method="post" action="/login" class="card">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" maxlength="40" required>
<button>Log in</button>
</form>
<p class="note">One of ${names.join(', ')}. This demo asks for no password.</p>`}`,
  });
}

function messagePage({ title, text }) {
  return layout({ title, body: html`<p>${text}</p><p><a href="/">Back to the start</a></p>` });
}

module.exports = { homePage, messagePage };
