'use strict';

/** What the checks ask of the records of a walk. */
class Story {
  /** @param {object[]} records */
  constructor(records) {
    this.records = records;
  }

  /** Every answer to a request, such as `GET /login`. */
  answers(request) {
    return this.records.filter((record) => record.request === request);
  }

  bodies(request) {
    return this.answers(request).map(({ body }) => body);
  }

  /** The bodies that are JSON. */
  objects(request) {
    return this.bodies(request).filter(Boolean).map((body) => JSON.parse(body));
  }

  /** Each answer as its status, and where it sends to. */
  statuses(request) {
    return this.answers(request).map((answer) => (
      [answer.status.slice(0, 3), ...header(answer, 'Location')].join(' ')
    ));
  }

  /** For each answer the names of the cookies it sets, or the whole cookies. */
  cookieNames(request) {
    return this.cookies(request).map((cookies) => cookies.map((cookie) => cookie.split('=')[0]));
  }

  cookies(request) {
    return this.answers(request).map((answer) => header(answer, 'Set-Cookie'));
  }

  /** Every value that was told under this name. */
  told(event) {
    return this.records.filter((record) => record.event === event).map(({ value }) => value);
  }

  /** What the program printed, as lines. */
  lines(stream) {
    const { [stream]: text } = this.records.find(({ event }) => event === 'output');
    return text.split('\n').filter(Boolean);
  }
}

function header({ headers }, name) {
  return headers.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

module.exports = Story;
