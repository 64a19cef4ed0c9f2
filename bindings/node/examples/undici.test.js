// SPDX-License-Identifier: Apache-2.0
// `undici` (npm), the client that is inside of node as fetch(): its ProxyAgent, its fetch and its WebSocket.
'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { leat } = require('..');

let undici;
try {
  undici = require('undici');
} catch {
  console.log('left out: undici: it is not installed');
}
const options = { skip: !undici };

/** All that is said of a failure, of its causes too. */
function story(error) {
  return error ? `${error.name} ${error.code ?? ''} ${error.message}\n${story(error.cause)}` : '';
}

/** As it is found in programs: whatever went wrong "did not answer", and so it is tried again. */
async function fetchCareless(url, dispatcher) {
  for (let i = 0; i < 3; i += 1) {
    try {
      return await undici.fetch(url, { dispatcher });
    } catch { /* the network, surely */ }
  }
  throw new Error(`timeout: ${url} does not answer`);
}

/** The same with the bug mended. */
async function fetchCareful(url, dispatcher) {
  try {
    return await undici.fetch(url, { dispatcher });
  } catch (error) {
    throw new Error(`${url}: ${story(error)}`, { cause: error });
  }
}

async function withProxy(t, members) {
  const control = await leat(t);
  const proxy = await control.connectProxy(members);
  const dispatcher = new undici.ProxyAgent(proxy.url);
  t.after(() => dispatcher.destroy());
  return { control, proxy, dispatcher };
}

for (const [fetch, what, tries] of [[fetchCareless, /^Error: timeout/, 3], [fetchCareful, /403/, 1]]) {
  test(`a proxy that refuses: ${fetch.name}`, options, async (t) => {
    const { proxy, dispatcher } = await withProxy(t, { faults: 'reply=refuse 403' });
    await assert.rejects(fetch('https://a.test/', dispatcher), what); // the first is the bug: nobody was late
    assert.strictEqual(await proxy.count('head'), tries);
  });
}

for (const status of [407, 502]) {
  test(`the status of a refusal: ${status}`, options, async (t) => {
    const { proxy, dispatcher } = await withProxy(t, { faults: `reply=refuse ${status}` });
    await assert.rejects(undici.fetch('https://a.test/', { dispatcher }), (error) => story(error).includes(String(status)));
    await proxy.assertSteps('head', 'reply', 'end');
  });
}

test('a proxy that breaks off', options, async (t) => {
  const { proxy, dispatcher } = await withProxy(t, { faults: 'reply=truncate 9;then=reset' });
  await assert.rejects(undici.fetch('https://a.test/', { dispatcher }), (error) => !/Timeout/.test(story(error)));
  await proxy.assertStep('reply');
});

test('a certificate behind a proxy', options, async (t) => {
  const control = await leat(t);
  const proxy = await control.connectProxy();
  const server = await control.wssServer({ certificateFaults: 'expired' });
  const dispatcher = new undici.ProxyAgent({ uri: proxy.url, requestTls: { ca: (await control.ca()).pem } });
  t.after(() => dispatcher.destroy());
  await assert.rejects(undici.fetch(server.url.replace('wss:', 'https:'), { dispatcher }),
    (error) => story(error).includes('CERT_HAS_EXPIRED'));
  await proxy.assertSteps('head', 'reply', 'relay');
  await server.assertNoStep('head');
});

function opened(ws) {
  return new Promise((resolve, reject) => {
    ws.addEventListener('open', () => resolve(ws));
    ws.addEventListener('error', (event) => reject(event.error ?? new Error(event.message ?? 'failed')));
  });
}

test('its WebSocket echoes', options, async (t) => {
  const server = await (await leat(t)).wsServer();
  const ws = await opened(new undici.WebSocket(server.url));
  const answer = new Promise((resolve) => { ws.addEventListener('message', (event) => resolve(event.data)); });
  const closed = new Promise((resolve) => { ws.addEventListener('close', (event) => resolve(event.code)); });
  ws.send('hello');
  assert.strictEqual(await answer, 'hello');
  ws.close(1000);
  assert.strictEqual(await closed, 1000);
  await server.assertSteps('upgrade', 'message', 'close');
});

test('its WebSocket is refused', options, async (t) => {
  const server = await (await leat(t)).wsServer({ faults: 'upgrade=refuse 503' });
  await assert.rejects(opened(new undici.WebSocket(server.url)));
  await server.assertStep('upgrade');
});
