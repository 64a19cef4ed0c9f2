// SPDX-License-Identifier: Apache-2.0
// The client of `ws` (Debian: node-ws): upgrades that are refused, connections that break, certificates.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { test } = require('node:test');
const { leat } = require('..');

let WebSocket;
try {
  WebSocket = require('ws');
} catch {
  console.log('left out: ws: it is not installed');
}
const options = { skip: !WebSocket };

async function open(url, settings) {
  const ws = new WebSocket(url, settings);
  await once(ws, 'open');
  return ws;
}

test('echo', options, async (t) => {
  const server = await (await leat(t)).wsServer();
  const ws = await open(server.url);
  ws.send('hello');
  assert.strictEqual(String((await once(ws, 'message'))[0]), 'hello');
  ws.close(1000);
  await once(ws, 'close');
  await server.assertSteps('accept', 'upgrade', 'message', 'close', 'end');
});

test('a refused upgrade has its status', options, async (t) => {
  const server = await (await leat(t)).wsServer({ faults: 'upgrade=refuse 503' });
  await assert.rejects(open(server.url), /503/);
  await server.assertStep('upgrade');
});

test('lost at the second message', options, async (t) => {
  const server = await (await leat(t)).wsServer({ faults: 'message#2=reset' });
  const ws = await open(server.url);
  ws.on('error', () => {});
  ws.send('one');
  await once(ws, 'message');
  const closed = once(ws, 'close');
  ws.send('two');
  assert.strictEqual((await closed)[0], 1006);
  await server.assertStep('message', { count: 2 });
});

for (const [fault, code] of [['expired', 'CERT_HAS_EXPIRED'], ['wrong-host', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT']]) {
  test(`a certificate that is ${fault}`, options, async (t) => {
    const control = await leat(t);
    const server = await control.wssServer({ certificateFaults: fault });
    await assert.rejects(open(server.url, { ca: (await control.ca()).pem }), { code });
    await server.assertNoStep('head');
  });
}

test('a good certificate', options, async (t) => {
  const control = await leat(t);
  const server = await control.wssServer({ messages: ['welcome'] });
  const ws = new WebSocket(server.url, { ca: (await control.ca()).pem });
  assert.strictEqual(String((await once(ws, 'message'))[0]), 'welcome');
  ws.terminate();
});
