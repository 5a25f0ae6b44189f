'use strict';

/** The state of one request of a scenario: what steps are taken with. */
class Visit {
  /**
   * @param {object} run the state of the whole scenario
   * @param {object} request of the scenario
   */
  constructor(run, request) {
    this.run = run;
    this.mod = run.mod;
    this.isOriginal = run.isOriginal;
    this.clock = run.clock;
    this.unseen = run.unseen;
    this.remembered = run.remembered;

    this.request = request;
    this.detached = request.detached;
    this.parsedCookies = undefined;
    this.req = undefined;
    this.res = undefined;
    this.events = [];
    this.record = (event) => this.events.push(event);
    /** The handler's promise, once it runs, and whether it still does. */
    this.handled = undefined;
    this.isHandling = false;
    /** The session that was there when the handler began. */
    this.held = undefined;
    this.hasCalledEnd = false;
    this.ended = false;
    /** `end` gave the session's error to `next`. */
    this.awaitsPage = false;
    this.hasAbandonedBody = false;
    /** The client has the response. */
    this.isClosed = false;
    /** What a setter saw, and what became of requests that it handled. */
    this.ids = undefined;
    this.others = [];
  }
}

module.exports = Visit;
