// SPDX-License-Identifier: Apache-2.0
// node's ws as the server under test: echoes. Prints its port; ends with its input.
'use strict';
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ port: 0, host: '0.0.0.0', perMessageDeflate: false }, () => {
    console.log(server.address().port);
});
server.on('connection', (socket) => {
    socket._socket.setNoDelay(true);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
