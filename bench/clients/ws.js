// SPDX-License-Identifier: Apache-2.0
// node's `ws`, for orientation. The same arguments and the same line as the other drivers.
'use strict';
const fs = require('fs');
const { parseArgs } = require('util');
const WebSocket = require('ws');

const { values: work } = parseArgs({ options: {
    work: { type: 'string' }, url: { type: 'string' }, size: { type: 'string', default: '64' },
    count: { type: 'string', default: '1' }, 'in-flight': { type: 'string', default: '1' },
    connections: { type: 'string', default: '1' }, text: { type: 'boolean', default: false },
    ca: { type: 'string' }, proxy: { type: 'string' }, resume: { type: 'boolean', default: false },
    compress: { type: 'boolean', default: false },
} });
const size = Number(work.size), count = Number(work.count);
const inFlight = Math.min(Number(work['in-flight']), count), connections = Number(work.connections);

function unsupported(why) {
    console.error(why);
    process.exit(3);
}
if (work.proxy) unsupported('ws has no SOCKS5 of its own');
if (work.resume) unsupported('ws does not keep TLS sessions by itself');

const words = '{"key": "some text of the kind that is sent", "n": 1234567}, ';
const payload = work.text ? words.repeat(Math.ceil(size / words.length)).slice(0, size)
                          : require('crypto').randomBytes(size);
const options = { perMessageDeflate: work.compress ? { threshold: 0 } : false };
if (work.ca) options.ca = fs.readFileSync(work.ca);

function now() {
    const usage = process.resourceUsage();
    return { wall: Number(process.hrtime.bigint()) / 1e3, cpu: usage.userCPUTime + usage.systemCPUTime };
}
function since(start) {
    const end = now();
    return { wall: end.wall - start.wall, cpu: end.cpu - start.cpu };
}
function residentBytes() {
    if (global.gc) global.gc();
    return process.memoryUsage().rss;
}
function peakKib() {
    return Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
}
function open(onMessage) {
    return new Promise((resolve, reject) => {
        const ws = new WebSocket(work.url, options);
        if (onMessage) ws.onmessage = onMessage;
        ws.on('open', () => resolve(ws));
        ws.on('error', reject);
    });
}
function echo(sockets, until, window) {
    return new Promise((resolve) => {
        let sent = 0, received = 0;
        const send = () => sockets[sent++ % sockets.length].send(payload, { binary: !work.text });
        for (const ws of sockets) {
            ws.onmessage = (event) => {
                if (event.data.length !== size) throw new Error('a message came back with another length');
                if (++received === until) resolve();
                else if (sent < until) send();
            };
        }
        while (sent < window) send();
    });
}
async function send(ws) {
    const acknowledged = new Promise((resolve) => { ws.onmessage = resolve; });
    for (let i = 0; i < count; i++) {
        if (ws.bufferedAmount < 256 * 1024) ws.send(payload, { binary: !work.text });
        else await new Promise((resolve) => ws.send(payload, { binary: !work.text }, resolve));
    }
    await acknowledged;
}
function report(spent, messages, more) {
    const wall = spent.wall / 1e6;
    console.log(`client=ws version=${require('ws/package.json').version} wall_s=${wall.toFixed(6)}` +
        ` cpu_s=${(spent.cpu / 1e6).toFixed(6)} messages=${messages}` +
        ` cpu_us_per_message=${(spent.cpu / messages).toFixed(4)} messages_per_s=${(messages / wall).toFixed(1)}` +
        ` mb_per_s=${(messages * size / 1e6 / wall).toFixed(2)} peak_kib=${peakKib()}${more || ''}`);
    process.exit(0);
}

async function idle() {
    const before = residentBytes(), start = now(), sockets = [];
    for (let i = 0; i < connections; i++) sockets.push(await open());
    const connecting = since(start), after = residentBytes();
    let begin = now();
    await echo(sockets.slice(0, 1), count, 1);
    const one = since(begin);
    begin = now();
    await echo(sockets, count, 1);
    const spread = since(begin);
    report(connecting, connections,
        // 0 = not known: what node tells of its heaps is without OpenSSL's.
        ` heap_per_connection=0 resident_per_connection=${Math.round((after - before) / connections)}` +
        ` connect_us=${(connecting.wall / connections).toFixed(3)}` +
        ` connect_cpu_us=${(connecting.cpu / connections).toFixed(3)}` +
        ` echo_one_cpu_us=${(one.cpu / count).toFixed(3)} echo_spread_cpu_us=${(spread.cpu / count).toFixed(3)}`);
}

async function main() {
    if (work.work === 'idle') return idle();
    let start = now();
    if (work.work === 'open') {
        for (let i = 0; i < count; i++) {
            const ws = await open();
            const closed = new Promise((resolve) => ws.on('close', resolve));
            ws.close(1000);
            await closed;
        }
    } else if (work.work === 'reach') {
        await open();
    } else {
        let received = 0, all;
        const receivedAll = new Promise((resolve) => { all = resolve; });
        // A source sends at once.
        const ws = await open(() => { if (++received === count) all(); });
        if (work.work !== 'start') start = now();
        if (work.work === 'receive') await receivedAll;
        else if (work.work === 'send') await send(ws);
        else await echo([ws], count, inFlight);
        if (work.work === 'start') start = { wall: start.wall, cpu: 0 };
    }
    report(since(start), count);
}
main();
