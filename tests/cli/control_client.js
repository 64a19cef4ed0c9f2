// SPDX-License-Identifier: Apache-2.0
// Plays toxiproxy's client for Node against `leat serve control`. usage: control_client.js URL UPSTREAM
"use strict";
const assert = require("assert");
const net = require("net");
const { Toxiproxy } = require("toxiproxy-node-client");

// What comes from a port until the end, and how long it takes.
function read(listen) {
    return new Promise((resolve) => {
        const started = process.hrtime.bigint();
        let data = "";
        const socket = net.connect(Number(listen.split(":").pop()), "127.0.0.1");
        const done = (error) => resolve({ data, error, ms: Number(process.hrtime.bigint() - started) / 1e6 });
        socket.on("data", (bytes) => { data += bytes; });
        socket.on("end", () => { socket.destroy(); done(); });
        socket.on("error", (error) => done(error.code));
    });
}

async function main(url, upstream) {
    const client = new Toxiproxy(url);
    assert.match(await client.getVersion(), /version/);
    const proxy = await client.createProxy({ name: "greeter", listen: "127.0.0.1:0", upstream });
    assert.strictEqual(proxy.upstream, upstream);
    assert.strictEqual((await read(proxy.listen)).data, "hello");
    await assert.rejects(client.createProxy({ name: "greeter", listen: "127.0.0.1:0", upstream }), /409/);

    const latency = await proxy.addToxic({
        name: "slow", type: "latency", stream: "downstream", toxicity: 1, attributes: { latency: 80, jitter: 0 } });
    assert.strictEqual(latency.name, "slow");
    assert((await read(proxy.listen)).ms >= 80);
    await latency.update({ ...latency.toJson(), attributes: { latency: 160, jitter: 0 } });
    assert.strictEqual((await proxy.getToxic("slow")).attributes.latency, 160);
    assert((await read(proxy.listen)).ms >= 160);
    await assert.rejects(proxy.addToxic(
        { name: "slow", type: "latency", stream: "downstream", toxicity: 1, attributes: { latency: 1 } }), /409/);
    await assert.rejects(proxy.addToxic({ type: "gravity", stream: "downstream", toxicity: 1, attributes: {} }), /400/);
    await latency.remove();
    await assert.rejects(proxy.getToxic("slow"), /404/);

    await proxy.addToxic({ type: "limit_data", stream: "downstream", toxicity: 1, attributes: { bytes: 3 } });
    assert.strictEqual((await read(proxy.listen)).data, "hel");
    await client.reset();
    assert.strictEqual((await read(proxy.listen)).data, "hello");
    await proxy.addToxic({ type: "reset_peer", stream: "downstream", toxicity: 1, attributes: { timeout: 0 } });
    assert.strictEqual((await read(proxy.listen)).error, "ECONNRESET");

    await proxy.update({ enabled: false, listen: proxy.listen, upstream });
    assert.strictEqual((await client.get("greeter")).enabled, false);
    assert.strictEqual((await read(proxy.listen)).error, "ECONNREFUSED");
    await client.reset();
    assert.strictEqual((await read(proxy.listen)).data, "hello");

    const all = await client.populate([
        { name: "greeter", listen: proxy.listen, upstream }, { name: "second", listen: "127.0.0.1:0", upstream }]);
    assert.deepStrictEqual(Object.keys(all), ["greeter", "second"]);
    assert.deepStrictEqual(Object.keys(await client.getAll()).sort(), ["greeter", "second"]);
    await proxy.remove();
    await assert.rejects(client.get("greeter"), /404/);
}

main(process.argv[2], process.argv[3]).then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
