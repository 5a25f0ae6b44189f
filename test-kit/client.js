'use strict';

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { Jar } = require('./jar');
const { HOST } = require('./port');

/** After how long without a byte an answer counts as never given, in ms. Nothing is measured by it. */
const PATIENCE = Number(process.env.WATCHDOG_MS) || 10000;

const FORM = 'application/x-www-form-urlencoded';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string} message that goes with the status
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {string[]} rawHeaders names and values, in turn, as they were on the wire
 * @property {string[]} cookies the Set-Cookie headers
 * @property {string} body
 *
 * @typedef {object} Question
 * @property {string} [method]
 * @property {Record<string, string | string[]>} [headers]
 * @property {Record<string, string>} [form] the fields of a form, as body
 * @property {string | Buffer} [body]
 * @property {Jar} [jar] what it has is sent, unless `headers` has a cookie, and it takes what is set
 * @property {http.Agent | false} [agent] false: a connection of its own
 * @property {number} [patience] in ms
 * @property {Buffer} [ca] the certificate of the server, which is asked over TLS then
 * @property {BufferEncoding} [encoding] of the answer's body
 * @property {(response: http.IncomingMessage) => void} [onResponse] sees the response before its body
 */

/**
 * Sends one request, and follows no redirect. The path goes out as it stands, which `fetch`
 * would not do.
 * @param {number | string} port
 * @param {string} [path] with its query
 * @param {Question} [question]
 * @returns {Promise<Answer>} rejected if there is no whole answer: with `text`, the half of the
 *   body that came if it had begun, and `isHang`, whether somebody would still wait for the rest
 */
function ask(port, path = '/', {
  method = 'GET', headers, form, body = form && String(new URLSearchParams(form)), jar, agent = false,
  patience = PATIENCE, ca, encoding = 'utf8', onResponse,
} = {}) {
  const sent = { ...(form && { 'content-type': FORM }), ...(jar?.size && { cookie: jar.header }), ...headers };
  return new Promise((resolve, reject) => {
    const request = (ca ? https : http).request({ host: HOST, port, path, method, headers: sent, agent, timeout: patience, ca });
    let text;
    let isHang = false;
    const fail = (error) => {
      if (isHang) error = new Error(`no answer to ${method} ${path}`);
      reject(Object.assign(error, { text, isHang }));
    };
    request.on('timeout', () => {
      isHang = true;
      request.destroy(new Error());
    });
    request.on('error', fail);
    request.on('response', (response) => {
      text = '';
      onResponse?.(response);
      response.setEncoding(encoding);
      response.on('data', (part) => { text += part; });
      response.on('error', fail);
      response.on('end', () => {
        const { statusCode: status, statusMessage: message, headers, rawHeaders } = response;
        const cookies = headers['set-cookie'] ?? [];
        jar?.take(cookies);
        resolve({ status, message, headers, rawHeaders, cookies, body: text });
      });
    });
    request.end(body);
  });
}

/**
 * Sends these very bytes.
 * @param {number} port
 * @param {string | Buffer} bytes a string as latin1
 * @returns {Promise<string>} all that comes until the connection is closed or lost, as latin1;
 *   rejected if that is nothing, or not closed
 */
function raw(port, bytes) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, HOST, () => socket.write(bytes, 'latin1'));
    let text = '';
    socket.setEncoding('latin1');
    socket.setTimeout(PATIENCE, () => {
      reject(new Error('the connection stays open'));
      socket.destroy();
    });
    socket.on('data', (part) => { text += part; });
    socket.on('error', (error) => { if (text === '') reject(error); });
    socket.on('close', () => resolve(text));
  });
}

/** A browser: it keeps its cookies. */
class Visitor {
  jar = new Jar();

  /**
   * @param {number | string} site a port, or a URL with one
   * @param {Question} [habits] what goes with every request
   */
  constructor(site, habits = {}) {
    this.port = typeof site === 'number' ? site : Number(new URL(site).port);
    this.habits = habits;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Question} [question]
   */
  ask(method, path, question) {
    return ask(this.port, path, { ...this.habits, jar: this.jar, ...question, method });
  }

  get(path, question) {
    return this.ask('GET', path, question);
  }

  post(path, form) {
    return this.ask('POST', path, { form });
  }
}

module.exports = { PATIENCE, Visitor, ask, raw };
