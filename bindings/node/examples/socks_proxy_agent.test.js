// SPDX-License-Identifier: Apache-2.0
// `socks-proxy-agent` (npm) under node's own http and under `ws` (Debian: node-ws): what a proxy says must come through.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');
const { leat } = require('..');

let SocksProxyAgent;
let WebSocket;
try {
  ({ SocksProxyAgent } = require('socks-proxy-agent'));
  WebSocket = require('ws');
} catch (error) {
  console.log(`left out: socks-proxy-agent with ws: ${error.message.split('\n')[0]}`);
}
const options = { skip: !WebSocket };

function get(url, agent) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent }, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
  });
}

for (const [rep, text] of [[1, /Failure/], [2, /NotAllowed/], [4, /HostUnreachable/], [5, /ConnectionRefused/]]) {
  test(`a refusal is no timeout: ${rep}`, options, async (t) => {
    const proxy = await (await leat(t)).socks5Proxy({ faults: `reply=refuse ${rep}` });
    await assert.rejects(get('http://a.test/', new SocksProxyAgent(proxy.url)), (error) => {
      assert.match(error.message, text);
      assert.doesNotMatch(error.message, /timed? ?out/i);
      return true;
    });
    await proxy.assertSteps('greeting', 'request', 'reply', 'end');
  });
}

test('a refusal reaches who opens a WebSocket', options, async (t) => {
  const proxy = await (await leat(t)).socks5Proxy({ faults: 'reply=refuse 2' });
  const ws = new WebSocket('ws://a.test/', { agent: new SocksProxyAgent(proxy.url) });
  await assert.rejects(once(ws, 'open'), /NotAllowed/);
});

for (const faults of ['', 'method=split 1', 'reply=split-at 4 20']) {
  test(`a WebSocket through a proxy ${faults ? `whose answers come in pieces: ${faults}` : ''}`, options, async (t) => {
    const control = await leat(t);
    const proxy = await control.socks5Proxy({ faults, names: { 'a.test': '127.0.0.1' } });
    const server = await control.wsServer();
    const ws = new WebSocket(`ws://a.test:${server.port}/`, { agent: new SocksProxyAgent(proxy.url) });
    await once(ws, 'open');
    ws.send('hello');
    assert.strictEqual(String((await once(ws, 'message'))[0]), 'hello');
    ws.close();
    await once(ws, 'close');
    await proxy.assertStep('request', { text: 'a.test' }); // the proxy resolves
    await server.assertSteps('upgrade', 'message', 'close');
  });
}

test('a wrong password', options, async (t) => {
  const proxy = await (await leat(t)).socks5Proxy({ user: 'alice', password: 'right' });
  const url = proxy.url.replace('right', 'wrong');
  await assert.rejects(get('http://a.test/', new SocksProxyAgent(url)), /[Aa]uthentication/);
  await proxy.assertSteps('auth', 'auth-reply', 'end');
  await proxy.assertNoStep('request');
});

test('silence is a timeout', options, async (t) => {
  const proxy = await (await leat(t)).socks5Proxy({ faults: 'method=stall' });
  await assert.rejects(get('http://a.test/', new SocksProxyAgent(proxy.url, { timeout: 300 })), /timed out/i);
  await proxy.assertStep('greeting');
  await proxy.assertNoStep('request');
});
