// SPDX-License-Identifier: Apache-2.0
// A client of server_run, on node's ws: node client.js URL CA [deflate]. Ends with 0 if all is as it must be.
'use strict';
const assert = require('assert');
const fs = require('fs');
const { once } = require('events');
const WebSocket = require('ws');

const [base, ca, mode] = process.argv.slice(2);
const largest = mode === 'deflate' ? 8 << 20 : 64 << 20; // zlib takes seconds for 64 MiB
const sizes = [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, largest];
const closeCodes = [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];
const tls = { ca: fs.readFileSync(ca) };
const perMessageDeflate = mode === 'deflate' ? { threshold: 0 } : false;

function connect(path, protocols, options) {
    return new WebSocket(base + path, protocols || [], {
        perMessageDeflate, maxPayload: 65 << 20, ...tls, ...options });
}

async function opened(path, protocols, options) {
    const socket = connect(path, protocols, options);
    await once(socket, 'open');
    assert.strictEqual(socket.extensions.includes('permessage-deflate'), mode === 'deflate');
    return socket;
}

async function echo(socket, data, binary) {
    socket.send(data, { binary });
    const [back, isBinary] = await once(socket, 'message');
    assert.strictEqual(isBinary, binary);
    assert(Buffer.compare(back, Buffer.from(data)) === 0, `other bytes came back for ${data.length}`);
}

async function closed(socket) {
    const [code, reason] = await once(socket, 'close');
    return [code, reason.toString()];
}

const cases = {
    async sizes() {
        const socket = await opened('/echo');
        for (const size of sizes) {
            await echo(socket, Buffer.alloc(size, 'leat'), true);
            await echo(socket, 'x'.repeat(size), false);
        }
        await echo(socket, 'grüß dich 🐑', false);
        socket.close();
        await closed(socket);
    },

    async fragments() {
        const socket = await opened('/echo');
        socket.send('one ', { fin: false });
        socket.ping('between');
        socket.send('', { fin: false });
        socket.pong('unasked');
        socket.send('two', { fin: true });
        const [text] = await once(socket, 'message');
        assert.strictEqual(text.toString(), 'one two');
        socket.close(1000);
        await closed(socket);
    },

    async pings() {
        const socket = connect('/ping?payload=abc');
        const [payload] = await once(socket, 'ping');
        assert.strictEqual(payload.toString(), 'abc');
        socket.ping(Buffer.alloc(125, 'p'));
        const [pong] = await once(socket, 'pong');
        assert.strictEqual(pong.toString(), 'p'.repeat(125));
        socket.close();
        await closed(socket);
    },

    async closedByServer() {
        for (const code of closeCodes) {
            const socket = connect(`/close?code=${code}&reason=because${code}`);
            assert.deepStrictEqual(await closed(socket), [code, `because${code}`]);
        }
    },

    async closedByUs() {
        for (const code of closeCodes) {
            const socket = await opened('/echo');
            socket.close(code, 'done');
            assert.strictEqual((await closed(socket))[0], code);
        }
        const socket = await opened('/echo');
        socket.close();
        assert.strictEqual((await closed(socket))[0], 1005);
    },

    async protocolErrors() {
        const socket = await opened('/echo');
        socket._socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69])); // not masked
        assert.strictEqual((await closed(socket))[0], 1002);
    },

    async subprotocols() {
        const socket = await opened('/echo', ['chat.v1', 'chat.v2']);
        assert.strictEqual(socket.protocol, 'chat.v2');
        socket.terminate();
        await closed(socket);
    },

    async refusals() {
        for (const [path, origin, status] of [['/nothing', undefined, 404], ['/echo', 'https://unwelcome.test', 403]]) {
            const [, response] = await once(connect(path, [], { origin }), 'unexpected-response');
            assert.strictEqual(response.statusCode, status);
            response.resume();
        }
    },
};

(async () => {
    for (const [name, run] of Object.entries(cases)) {
        await run();
        console.log(name);
    }
    process.exit(0);
})().catch((error) => {
    console.error(error);
    process.exit(1);
});
