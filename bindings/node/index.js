// SPDX-License-Identifier: Apache-2.0
// Proxies, servers and certificates that go wrong as a test says, by the program `leat serve control`, which is found
// inside of this package (bin/leat), by $LEAT, or in $PATH.
'use strict';

const assert = require('node:assert');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');

const WAIT_MS = 5000;
const UNIX_PATH_MAX = 107;

/** What the control refuses: status, field, reason. */
class LeatTestingError extends Error {
  constructor(status, field, reason) {
    super(field ? `${field}: ${reason}` : reason);
    this.name = 'LeatTestingError';
    Object.assign(this, { status, field, reason });
  }
}

/** $LEAT, or the program inside of the package, or the one in $PATH. */
function findProgram() {
  if (process.env.LEAT) return process.env.LEAT;
  const bundled = path.join(__dirname, 'bin', 'leat');
  return fs.existsSync(bundled) ? bundled : 'leat';
}

function shortFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leat-'));
  if (Buffer.byteLength(folder) + '/control'.length <= UNIX_PATH_MAX) return folder;
  fs.rmdirSync(folder);
  return fs.mkdtempSync('/tmp/leat-');
}

/** A running `leat serve control`. It ends with close(), or with this process. */
class Control {
  #child;
  #closed;
  #ca;
  #numbers = 0;

  /** Starts one: { program, pcapng }. */
  static async start(options = {}) {
    const control = new Control();
    const program = options.program ?? findProgram();
    control.folder = shortFolder();
    control.path = path.join(control.folder, 'control');
    const words = ['serve', 'control', '--unix', control.path, '--until-eof'];
    if (options.pcapng) words.push('--pcapng', options.pcapng);
    const child = childProcess.spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    control.#child = child;
    control.#closed = new Promise((resolve) => child.once('close', resolve));
    let complaint = '';
    child.stderr.on('data', (data) => { complaint += data; });
    child.stdin.on('error', () => {});
    try {
      await new Promise((resolve, reject) => {
        child.once('error', (error) => reject(error.code === 'ENOENT'
          ? new Error(`there is no program ${program}: install leat (Debian: the package leat), or set $LEAT to its path`)
          : error));
        child.once('exit', () => reject(new Error(`${program} ${words.join(' ')}: ${complaint.trim()}`)));
        readline.createInterface({ input: child.stdout }).once('line', resolve);
      });
    } catch (error) {
      fs.rmSync(control.folder, { recursive: true, force: true });
      throw error;
    }
    // Node may end while it runs: then its standard input ends, and so it does.
    for (const each of [child, ...child.stdio]) each.unref();
    return control;
  }

  /** Ends it and its servers. May be called again. */
  async close() {
    const child = this.#child;
    if (!child) return this.#closed;
    this.#child = undefined;
    for (const each of [child, ...child.stdio]) each.ref(); // Node is not to end before they are closed
    child.stdin.end();
    await this.#closed;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the control: leat/testing_control.h. The answer's JSON. */
  request(method, target, body) {
    if (!this.#child) return Promise.reject(new Error('the control has been closed'));
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = text === undefined ? {} : { 'Content-Length': Buffer.byteLength(text) };
      const request = http.request({ socketPath: this.path, method, path: target, headers, agent: false }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('error', reject);
        answer.on('end', () => {
          const all = Buffer.concat(parts).toString();
          const value = all ? JSON.parse(all) : undefined;
          if (answer.statusCode < 400) resolve(value);
          else reject(new LeatTestingError(answer.statusCode, value?.field ?? '', value?.reason ?? answer.statusMessage));
        });
      });
      request.on('error', reject);
      request.end(text);
    });
  }

  /** Starts a server; `members` are those of leat_testing_server_new_json(): faults, conditions, user, tls, to, ... */
  async server(kind, members = {}) {
    this.#numbers += 1;
    members = { ...members };
    for (const key of ['record', 'replay']) { // files are named as in this process
      if (members[key] !== undefined) members[key] = path.resolve(members[key]);
    }
    const description = await this.request('POST', '/servers', { name: `${kind}-${this.#numbers}`, kind, ...members });
    return new Server(this, description);
  }

  /** A SOCKS5 proxy. */
  socks5Proxy(members) { return this.server('socks5', members); }

  /** An HTTP proxy that knows CONNECT. */
  connectProxy(members) { return this.server('connect', members); }

  /** A WebSocket server that echoes. */
  wsServer(members) { return this.server('websocket', members); }

  /** The same behind TLS; { certificateFaults: 'expired' }. Clients trust (await ca()).pem. */
  wssServer({ certificateFaults, tls = true, ...members } = {}) {
    const options = certificateFaults ? { ...(tls === true ? {} : tls), certificate_faults: certificateFaults } : tls;
    return this.server('websocket', { tls: options, ...members });
  }

  /** A relay for any protocol over TCP to "HOST:PORT". */
  relay(to, members) { return this.server('tcp', { to, ...members }); }

  /** What a server with { record: 'run.jsonl' } has written, said again: { faults, match: 'any', keep_times }. */
  replay(file, members) { return this.server('replay', { replay: file, ...members }); }

  /** A DNS server, where the program has one. */
  dns(members) { return this.server('dns', members); }

  /** The CA of all servers: { pem, path, issue() }. */
  async ca() {
    this.#ca ??= this.request('GET', '/ca').then((answer) => {
      const file = path.join(this.folder, 'ca.pem');
      fs.writeFileSync(file, answer.certificate);
      const issue = async (hosts = 'localhost,127.0.0.1,::1', faults = undefined) => {
        const made = await this.request('POST', '/certificates', { hosts, faults });
        return { pem: made.certificate, keyPem: made.key };
      };
      return { pem: answer.certificate, path: file, issue };
    });
    return this.#ca;
  }
}

/** A server of a control. `url` is what a client is told. */
class Server {
  #control;

  constructor(control, description) {
    this.#control = control;
    this.#describe(description);
  }

  #describe(description) {
    const { name, kind, url, address, port } = description;
    Object.assign(this, { name, kind, url, address, port, description });
    this.host = address?.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  }

  #ask(method, target = '', body = undefined) {
    return this.#control.request(method, `/servers/${encodeURIComponent(this.name)}${target}`, body);
  }

  /** Changes it: faults and conditions while connections live, whatever else by a new start. */
  async set(members) { this.#describe(await this.#ask('PATCH', '', members)); }

  /** Ends it and its connections. */
  async remove() { await this.#ask('DELETE'); }

  /** Lets one held connection (`hold`) go on. */
  async release() { await this.#ask('POST', '/release'); }

  /** Counts, and the last request. */
  seen() { return this.#ask('GET', '/seen'); }

  /** What has happened: { time_ms, connection, step, text, bytes_in, bytes_out }. */
  async events() { return (await this.#ask('GET', '/events')).events; }

  /** The same as a sequence diagram of Mermaid. */
  async diagram() { return (await this.#ask('GET', '/diagram')).diagram; }

  /** How often a step was reached. */
  async count(step) { return (await this.seen()).steps[step] ?? 0; }

  /** The events as lines. */
  async log() {
    const lines = (await this.events()).map((e) =>
      `${e.time_ms.toFixed(3).padStart(10)} ms  #${e.connection} ${e.step.padEnd(10)} ${e.text}`);
    return [`${this.name}: ${this.url}`, ...(lines.length ? lines : ['    nobody has connected'])].join('\n');
  }

  async #waited(query) {
    try {
      await this.#ask('GET', `/wait?${new URLSearchParams(query)}`);
      return true;
    } catch (error) {
      if (error.status === 409) return false;
      throw error;
    }
  }

  /** Waits for a step. Whether it came. */
  wait(step, { count = 1, timeout = WAIT_MS } = {}) { return this.#waited({ step, count, timeout_ms: timeout }); }

  /** Waits until there has been a connection and none is left. Whether it came so. */
  waitIdle({ timeout = WAIT_MS } = {}) { return this.#waited({ idle: 1, timeout_ms: timeout }); }

  async #fail(message) { assert.fail(`${message}\n${await this.log()}`); }

  /** A step is reached, `count` times at least, once with `text` in its text; waits for it. */
  async assertStep(step, { count = 1, text = undefined, timeout = WAIT_MS } = {}) {
    if (!await this.wait(step, { count, timeout })) {
      await this.#fail(`step ${step} was reached ${await this.count(step)} times within ${timeout} ms, not ${count}`);
    }
    if (text !== undefined && !(await this.events()).some((e) => e.step === step && e.text.includes(text))) {
      await this.#fail(`no step ${step} says ${JSON.stringify(text)}`);
    }
  }

  /** A step was not reached so far. */
  async assertNoStep(step) {
    const count = await this.count(step);
    if (count) await this.#fail(`step ${step} was reached ${count} times`);
  }

  /** Of a replay: no client has said what the recorded one did not. */
  async assertSame() {
    const { problem } = await this.seen();
    if (problem) await this.#fail(problem);
  }

  /** These steps are reached, in this order on one connection, others between them or not; waits for them. */
  async assertSteps(...steps) {
    for (const step of new Set(steps)) {
      await this.assertStep(step, { count: steps.filter((other) => other === step).length });
    }
    const at = new Map();
    for (const event of await this.events()) {
      const next = at.get(event.connection) ?? 0;
      at.set(event.connection, next + (event.step === steps[next] ? 1 : 0));
    }
    if (![...at.values()].includes(steps.length)) {
      await this.#fail(`no connection has reached ${steps.join(', ')} in this order`);
    }
  }
}

/** A control for a test of node:test: it ends with the test. `t` is the test's context. */
async function leat(t, options) {
  const control = await Control.start(options);
  t.after(() => control.close());
  return control;
}

module.exports = { Control, LeatTestingError, Server, findProgram, leat };
