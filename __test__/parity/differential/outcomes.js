'use strict';

const { findCrash } = require('./crash');
const { HABITS } = require('./habits');
const { nameOf } = require('./settings');

/**
 * What happened in a scenario, told from its trace. Counted over a run, this
 * shows whether the generator reaches what it is meant to reach.
 */
const KINDS = {
  'options refused': ({ trace }) => trace.setup !== 'ok',
  'session cookie sent': ({ cookies }) => cookies.some(({ own }) => own > 0),
  'session cookie beside others': ({ cookies }) => cookies.some(({ own, others }) => own > 0 && others > 0),
  'no cookie sent': ({ cookies }) => cookies.some(({ own }) => own === 0),
  'cookie with Expires': ({ text }) => /Set-Cookie: [^"]*; Expires=/.test(text),
  'cookie with Secure': ({ text }) => /Set-Cookie: [^"]*; Secure/.test(text),
  'cookie with SameSite': ({ text }) => /Set-Cookie: [^"]*; SameSite/.test(text),
  'cookie with Partitioned': ({ text }) => /Set-Cookie: [^"]*; Partitioned/.test(text),
  'cookie with Priority': ({ text }) => /Set-Cookie: [^"]*; Priority/.test(text),
  'cookie with Domain': ({ text }) => /Set-Cookie: [^"]*; Domain/.test(text),
  'cookie twice on one response': ({ cookies }) => cookies.some(({ own }) => own > 1),
  'session loaded': ({ events }) => events.some((event) => event.store === 'get'),
  'session saved': ({ events }) => events.some((event) => event.store === 'set'),
  'session touched': ({ events }) => events.some((event) => event.store === 'touch'),
  'session destroyed': ({ events }) => events.some((event) => event.store === 'destroy'),
  'session kept in memory': ({ trace }) => trace.requests.some(({ after }) => after && after.length > 0),
  'session removed from memory': ({ trace }) => trace.requests.some(({ after }) => after && after.length === 0),
  'error to next': ({ events }) => events.some((event) => event.next && event.next !== 'ok'),
  'error to next after the handler': ({ trace }) => trace.requests.some(({ events }) => {
    const ok = events.findIndex((event) => event.next === 'ok');
    return ok !== -1 && events.slice(ok).some((event) => event.next && event.next !== 'ok');
  }),
  'error page': ({ trace }) => trace.requests.some(({ response }) => response.head && / 500 /.test(response.head[0])),
  'middleware threw': ({ text }) => text.includes('"escaped"') || text.includes('"errorPage"'),
  'step threw': ({ text }) => text.includes(':"threw '),
  'crash of the original': ({ trace }) => findCrash(trace) !== undefined,
  'second end returned false': ({ text }) => text.includes('"end":"false,'),
  'response waited for the store': ({ trace }) => trace.requests.some(({ events }) => {
    const end = events.findIndex((event) => event.end || event.send || event.json);
    return end !== -1 && events.slice(end).some((event) => event.ended === false);
  }),
  'chunked body': ({ text }) => text.includes('"framing":"chunked"'),
  'body of a given length': ({ text }) => /Content-Length: [1-9]/i.test(text),
  'handler without a session': ({ text }) => text.includes('no session: '),
  'reloaded': ({ text }) => text.includes('"reload":"undefined, then called"'),
  'reload failed': ({ text }) => text.includes('"reload":"undefined, then Error'),
  'regenerated': ({ text }) => text.includes('"regenerate":'),
  'saved by the handler': ({ text }) => text.includes('"save":"undefined, then'),
  'save failed for the handler': ({ text }) => text.includes('"save":"undefined, then Error'),
  'replaced method called': ({ text }) => text.includes('"patched":'),
  'session wrapped, and saved': ({ text }) => /"identity":\{[^}]*"isRequestId":true,"req":true.*"store":"set"/.test(text),
  'trap saw a write': ({ text }) => text.includes('"wrote":'),
  'setter of the session called': ({ text }) => text.includes('"assigned":"session'),
  'setter of the cookie called': ({ text }) => text.includes('"cookieSet":'),
  'request in the middle of another': ({ text }) => text.includes('"meanwhile":{'),
  'request in a setter of another': ({ text }) => text.includes('"others":[{'),
  'answer that nobody waited for': ({ text }) => text.includes('"later":'),
  'form that the session refused': ({ text }) => text.includes('"refused":"TypeError"'),
  'URL parsed': ({ text }) => text.includes('"url":"_raw='),
  'end of the program in the original': ({ text }) => text.includes('"uncaught":'),
  'without HTTP': ({ trace }) => trace.requests.some(({ response }) => response === 'none'),
  'hang': ({ trace }) => trace.requests.some(({ response }) => response === 'hang'),
  'no answer to a callback': ({ text }) => text.includes('then no answer'),
  ...Object.fromEntries(HABITS.map((name) => [`habit: ${name}`, ({ scenario }) => scenario.habits.includes(name)])),
};

/** Kinds that are not wanted, so their absence is no fault. */
const UNWANTED = ['hang', 'no answer to a callback', 'cookie twice on one response', 'end of the program in the original'];

function outcomesOf(trace, scenario) {
  const name = nameOf(scenario.options);
  const facts = {
    scenario,
    trace,
    text: JSON.stringify(trace),
    events: trace.requests.flatMap(({ events }) => events),
    cookies: trace.requests.filter(({ response }) => response.head).map(({ response }) => countCookies(response.head, name)),
  };
  return Object.keys(KINDS).filter((kind) => KINDS[kind](facts));
}

function countCookies(head, name) {
  const lines = head.filter((line) => /^set-cookie: /i.test(line));
  const own = lines.filter((line) => line.slice('set-cookie: '.length).startsWith(`${name}=s%3A`)).length;
  return { own, others: lines.length - own };
}

module.exports = { outcomesOf, KINDS: Object.keys(KINDS), UNWANTED };
