'use strict';

const { html } = require('./html');

const links = [
  ['/', 'Home'],
  ['/foo', 'Foo'],
  ['/bar', 'Bar'],
  ['/session', 'Your session'],
];

/**
 * The frame that every page shares.
 * @param {{ title: string, user?: { fullName: string }, body: object }} page
 */
function layout({ title, user, body }) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · sessions</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<header>
<nav>${links.map(([path, text]) => html`<a href="${path}">${text}</a> `)}</nav>
${user
  ? html`<form method="post" action="/logout"><span id="user">${user.fullName}</span> <button id="logout">Log out</button></form>`
  : html`<a id="login" href="/login">Log in</a>`}
</header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
}

/** The counter of one path, and those of all the others. */
function viewsPage({ title, path, views, user }) {
  const count = views[path];
  const others = Object.entries(views);

  return layout({
    title,
    user,
    body: html`<p>You have seen <code>${path}</code> <strong id="views">${count}</strong> ${count === 1 ? 'time' : 'times'} in this session.</p>
<table>
<thead><tr><th>Page</th><th>Views</th></tr></thead>
<tbody>${others.map(([page, n]) => html`<tr><td><a href="${page}">${page}</a></td><td>${n}</td></tr>`)}</tbody>
</table>`,
  });
}

function loginPage({ names, tried, user }) {
  return layout({
    title: 'Log in',
    user,
    body: html`${tried !== undefined && html`<p id="error" role="alert">There is no user named “${tried}”.</p>`}
<form method="post" action="/login" class="card">
<label for="name">Name</label>
<input id="name" name="name" value="${tried}" autocomplete="username" autocapitalize="none" maxlength="40" required autofocus>
<button>Log in</button>
</form>
<p class="note">Try ${names.map((name, i) => html`${i > 0 && (i === names.length - 1 ? ' or ' : ', ')}<code>${name}</code>`)}. This demo asks for no password.</p>`,
  });
}

/**
 * What the server keeps. Only the start of the id is shown: a page that prints
 * the whole of it would hand scripts what HttpOnly hides from them.
 */
function sessionPage({ session, id, user, left }) {
  // The cookie's attributes are there from the start, and no reason to store anything.
  const begun = Object.keys(session).some((key) => key !== 'cookie');

  return layout({
    title: 'Your session',
    user,
    body: html`${begun
      ? html`<p>Its id starts with <code id="sid">${id.slice(0, 6)}</code>…; your browser holds it in a signed cookie. The rest stays on the server:</p>`
      : html`<p id="fresh">Nothing is stored for you yet: a session begins with the first page that is counted.</p>`}
${left && html`<p>It ends when you do nothing for <strong id="idle">${left.idle}</strong> minutes, and in <strong id="absolute">${left.absolute}</strong> minutes at the latest. Its id changes in <strong id="renewal">${left.renewal}</strong> minutes.</p>
`}<pre id="session">${JSON.stringify(session, null, 2)}</pre>`,
  });
}

function messagePage({ title, text, user }) {
  return layout({ title, user, body: html`<p>${text}</p><p><a href="/">Back to the start</a></p>` });
}

module.exports = { viewsPage, loginPage, sessionPage, messagePage };
