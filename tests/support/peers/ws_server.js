// SPDX-License-Identifier: Apache-2.0
// A WebSocket server for the tests, on node's ws. Prints "PORT n" once it listens.
//   node ws_server.js [CERT KEY]
// Compresses if PEER_DEFLATE is set. The paths are those of ws_server.py: /echo, /headers, /close, /ping.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const [cert, key] = process.argv.slice(2);
const server = cert
    ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) })
    : http.createServer();
const sockets = new WebSocketServer({
    server, maxPayload: 64 << 20,
    perMessageDeflate: process.env.PEER_DEFLATE ? { threshold: 0 } : false });

const actions = {
    '/headers': (socket, query, request) => {
        const raw = request.rawHeaders;
        let text = '';
        for (let i = 0; i < raw.length; i += 2) {
            text += `${raw[i]}: ${raw[i + 1]}\n`;
        }
        socket.send(text);
    },
    '/close': (socket, query) => socket.close(Number(query.get('code')), query.get('reason') || ''),
    '/ping': (socket, query) => {
        socket.once('pong', () => socket.send('pong'));
        socket.ping(query.get('payload'));
    },
};

sockets.on('connection', (socket, request) => {
    const url = new URL(request.url, 'ws://localhost');
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
    (actions[url.pathname] || (() => {}))(socket, url.searchParams, request);
});
server.listen(0, '127.0.0.1', () => console.log(`PORT ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
