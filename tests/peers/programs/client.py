#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of server_run, on python3-websockets: client.py URL [CA]. Ends with 0 if all is as it must be."""
import asyncio
import ssl
import sys

import websockets

BASE = sys.argv[1]
SIZES = [0, 1, 2, 124, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20, 16 << 20]
CLOSE_CODES = [1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]


def connect(path, **options):
    if BASE.startswith("wss:"):
        options["ssl"] = ssl.create_default_context(cafile=sys.argv[2])
    return websockets.connect(BASE + path, max_size=None, ping_interval=None, open_timeout=None, close_timeout=120,
                              **options)


async def sizes():
    async with connect("/echo") as socket:
        for size in SIZES:
            data = bytes(i * 7 % 256 for i in range(min(size, 4096))) * (size // 4096 + 1)
            await socket.send(data[:size])
            assert await socket.recv() == data[:size], f"binary of {size}"
            text = ("grüß dich € 🐑 " * (size // 16 + 1))[:size]
            await socket.send(text)
            assert await socket.recv() == text, f"text of {size}"


async def fragments():
    async with connect("/echo") as socket:
        await socket.send(["gr", "", "ü", "ß dich"])
        assert await socket.recv() == "grüß dich"
        await socket.send([bytes(70000), b"", b"x"])
        assert await socket.recv() == bytes(70000) + b"x"


async def pings():
    async with connect("/ping?payload=abc") as socket:
        for payload in (b"", b"one", bytes(125)):
            await (await socket.ping(payload))
        await socket.send("after")
        assert await socket.recv() == "after"


async def closed_by_server():
    for code in CLOSE_CODES:
        async with connect(f"/close?code={code}&reason=because{code}") as socket:
            await socket.wait_closed()
            assert (socket.close_code, socket.close_reason) == (code, f"because{code}"), socket.close_code


async def closed_by_us():
    for code in CLOSE_CODES:
        socket = await connect("/echo")
        await socket.close(code, "done")
        assert socket.close_code == code, socket.close_code


async def flood():
    async with connect("/flood?count=2000&size=1000") as socket:
        for _ in range(2000):
            assert len(await socket.recv()) == 1000


async def subprotocols():
    async with connect("/echo", subprotocols=["x.unknown", "chat.v1", "chat.v2"]) as socket:
        assert socket.subprotocol == "chat.v2", socket.subprotocol
    async with connect("/echo", subprotocols=["x.unknown"]) as socket:
        assert socket.subprotocol is None, socket.subprotocol


async def refusals():
    for path, origin, status in (("/nothing", None, 404), ("/echo", "https://unwelcome.test", 403)):
        try:
            await connect(path, origin=origin)
        except websockets.exceptions.InvalidHandshake as refusal:
            # the name of the attribute depends on the version
            found = getattr(refusal, "status_code", None) or refusal.response.status_code
            assert found == status, found
        else:
            raise AssertionError(f"{path} was not refused")


async def main():
    for case in (sizes, fragments, pings, closed_by_server, closed_by_us, flood, subprotocols, refusals):
        await case()
        print(case.__name__, flush=True)


asyncio.run(main())
