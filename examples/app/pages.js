'use strict';

const { html } = require('./html');

const links = [
  ['/', 'Home'],
  ['/foo', 'Foo'],
  ['/bar', 'Bar'],
  ['/session', 'Your session'],
  ['/devices', 'Your devices'],
];

const MINUTE = 60 * 1000;
const relative = new Intl.RelativeTimeFormat('en');

/** What an input says of itself whose value was not taken. */
const refused = html` aria-invalid="true" aria-describedby="error"`;

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

function loginPage({ names, hint, tried, user }) {
  const isWrong = tried !== undefined;

  return layout({
    title: 'Log in',
    user,
    body: html`${isWrong && html`<p id="error" class="message wrong" role="alert">The name or the password is wrong.</p>`}
<form method="post" action="/login" class="card">
<label>Name <input id="name" name="name" value="${tried}" autocomplete="username" autocapitalize="none" maxlength="40" required autofocus${isWrong && refused}></label>
<label>Password <input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required${isWrong && refused}></label>
<button>Log in</button>
</form>
<p class="note">Try ${names.map((name, i) => html`${i > 0 && (i === names.length - 1 ? ' or ' : ', ')}<code>${name}</code>`)}. In this demo, the password of each is <code>${hint}</code>.</p>`,
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

/**
 * The sessions of a user, as the store lists them, each with a `name`. What a form had to say has the
 * focus, so that a screen reader says it, too.
 */
function devicesPage({ devices, now, notice, error, user }) {
  const hasOthers = devices.some(({ current }) => !current);

  return layout({
    title: 'Your devices',
    user,
    body: html`${notice && html`<p id="notice" class="message" role="status" tabindex="-1" autofocus>${notice}</p>`}
${error && html`<p id="error" class="message wrong" role="alert">${error}</p>`}
<p>You are logged in with these browsers. Log out those that you do not know or use no longer.</p>
<ul class="devices" role="list">${devices.map((device, i) => html`
<li>
<div>
<h2 id="device-${i}">${device.name}</h2>
<p>Logged in ${ago(device.created, now)}, ${device.current ? 'in use now' : html`last used ${ago(device.lastSeen, now)}`}, from ${device.ip ?? 'an unknown address'}</p>
</div>
${device.current
  ? html`<strong class="badge">This device</strong>`
  : html`<form method="post" action="/devices/end">
<input type="hidden" name="handle" value="${device.handle}">
<button id="end-${i}" aria-labelledby="end-${i} device-${i}">Log out</button>
</form>`}
</li>`)}
</ul>
${hasOthers
  ? html`<h2>Log out all other devices</h2>
<form method="post" action="/devices/end-others" class="card">
<input name="name" value="${user.name}" autocomplete="username" hidden>
<label>Your password <input id="password" name="password" type="password" autocomplete="current-password" maxlength="200" required${error && html` autofocus`}${error && refused}></label>
<button>Log out all others</button>
</form>`
  : html`<p id="alone">No other device is logged in.</p>`}`,
  });
}

/** How long ago something was, in words. A server does not know what a clock shows where its visitor is. */
function ago(then, now) {
  const minutes = Math.floor((now - then) / MINUTE);
  const text = minutes < 60 ? relative.format(-minutes, 'minute') : relative.format(-Math.floor(minutes / 60), 'hour');

  return html`<time datetime="${new Date(then).toISOString()}">${minutes < 1 ? 'just now' : text}</time>`;
}

function messagePage({ title, text, user }) {
  return layout({ title, user, body: html`<p>${text}</p><p><a href="/">Back to the start</a></p>` });
}

module.exports = { viewsPage, loginPage, sessionPage, devicesPage, messagePage };
