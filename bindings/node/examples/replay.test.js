// SPDX-License-Identifier: Apache-2.0
// A session with a server that is recorded once, and replayed without it.
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { test } = require('node:test');
const { leat } = require('..');

function get(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; });
      answer.on('error', reject);
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

test('recorded, replayed, with a fault, with another client', async (t) => {
  const control = await leat(t);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'leat-replay-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'run.jsonl');
  const real = http.createServer((request, answer) => answer.end(`from the real one: ${request.url}`));
  await once(real.listen(0, '127.0.0.1'), 'listening');
  const recorder = await control.relay(`127.0.0.1:${real.address().port}`, { record: file });
  assert.strictEqual(await get(`http://${recorder.address}/one`), 'from the real one: /one');
  assert.ok(await recorder.waitIdle());
  real.close();

  const server = await control.replay(file);
  assert.strictEqual(await get(`http://${server.address}/one`), 'from the real one: /one');
  await server.assertSame();
  await server.set({ faults: 'send=truncate 40;then=reset' });
  await assert.rejects(get(`http://${server.address}/one`));
  await server.set({ faults: '' });
  await assert.rejects(get(`http://${server.address}/two`));
  await assert.rejects(server.assertSame(), /says "GET \/two HTTP\/1\.1" where it said "GET \/one HTTP\/1\.1"/);
});
