// SPDX-License-Identifier: Apache-2.0
// A bug that many clients have: the proxy refuses, and they say "timeout". Shown with node's own client.
'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { test } = require('node:test');
const { leat } = require('..');

/** CONNECT as it is often written: what is not 200 is waited out. */
function openCareless(proxyUrl, destination) {
  return new Promise((resolve, reject) => {
    const proxy = new URL(proxyUrl);
    const request = http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: destination, agent: false });
    setTimeout(() => reject(new Error('timeout')), 300);
    request.on('connect', (answer, socket) => (answer.statusCode === 200 ? resolve(socket) : socket.destroy()));
    request.on('error', reject);
    request.end();
  });
}

/** The same with the bug mended. */
function openCareful(proxyUrl, destination) {
  return new Promise((resolve, reject) => {
    const proxy = new URL(proxyUrl);
    const request = http.request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: destination, agent: false });
    request.on('connect', (answer, socket) => {
      if (answer.statusCode === 200) return resolve(socket);
      socket.destroy();
      return reject(new Error(`the proxy ${proxy.host} refuses: ${answer.statusCode}`));
    });
    request.on('error', reject);
    request.end();
  });
}

for (const [open, what] of [[openCareless, /^Error: timeout$/], [openCareful, /refuses: 403/]]) {
  test(`a proxy that refuses: ${open.name}`, async (t) => {
    const control = await leat(t);
    const proxy = await control.connectProxy({ faults: 'reply=refuse 403' });
    await assert.rejects(open(proxy.url, 'a.test:443'), what); // the first is the bug: nobody was late
    await proxy.assertSteps('head', 'reply', 'end');
  });
}
