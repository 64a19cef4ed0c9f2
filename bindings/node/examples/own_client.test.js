// SPDX-License-Identifier: Apache-2.0
// Node's own client of HTTP behind a relay: bodies that are cut off, a server that comes back.
'use strict';

const assert = require('node:assert');
const http = require('node:http');
const { once } = require('node:events');
const { test } = require('node:test');
const { leat, LeatTestingError } = require('..');

async function upstream(t) {
  const server = http.createServer((request, response) => response.end('x'.repeat(100000)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  return `127.0.0.1:${server.address().port}`;
}

test('a body that ends too early is an error', async (t) => {
  const relay = await (await leat(t)).relay(await upstream(t), { conditions: 'limit=50000' });
  const url = `http://${relay.address}/`;
  await assert.rejects(async () => (await fetch(url)).text(), TypeError);
  await relay.set({ conditions: '' });
  assert.strictEqual((await (await fetch(url)).text()).length, 100000);
});

test('what was seen', async (t) => {
  const relay = await (await leat(t)).relay(await upstream(t));
  await (await fetch(`http://${relay.address}/`, { headers: { connection: 'close' } })).text();
  await relay.assertSteps('accept', 'connect', 'relay');
  assert.ok(await relay.waitIdle());
  assert.ok((await relay.seen()).bytes_out > 100000);
  assert.match(await relay.diagram(), /^sequenceDiagram\n/);
  await assert.rejects(relay.assertStep('accept', { count: 2, timeout: 0 }), /reached 1 times[^]*#1 accept/);
});

test('what is wrong is named', async (t) => {
  const control = await leat(t);
  await assert.rejects(control.socks5Proxy({ fault: 'x' }), (error) => error instanceof LeatTestingError && error.field === 'fault');
  await assert.rejects(leat(t, { program: '/nowhere/leat' }), /there is no program \/nowhere\/leat/);
});
