# SPDX-License-Identifier: Apache-2.0
"""The client of `websockets`: upgrades that are refused, connections that break (Debian: python3-websockets)."""
import asyncio

import pytest

websockets = pytest.importorskip("websockets")


def talk(url, messages):
    async def main():
        got = []
        async with websockets.connect(url) as ws:
            for message in messages:
                await ws.send(message)
                got.append(await ws.recv())
        return got
    return asyncio.run(asyncio.wait_for(main(), 60))


def test_echo(ws_server):
    assert talk(ws_server().url, ["one", "two"]) == ["one", "two"]


def test_a_refused_upgrade_has_its_status(ws_server):
    server = ws_server(faults="upgrade=refuse 503")
    with pytest.raises(websockets.exceptions.InvalidHandshake, match="503"):
        talk(server.url, ["one"])
    server.assert_step("upgrade")


def test_lost_at_the_second_message(ws_server):
    server = ws_server(faults="message#2=reset")
    with pytest.raises(websockets.exceptions.ConnectionClosedError):
        talk(server.url, ["one", "two"])
    server.assert_step("message", 2)


def test_faults_that_come_later(ws_server):
    """The same server is changed while the client is connected."""
    server = ws_server()

    async def main():
        async with websockets.connect(server.url) as ws:
            await ws.send("one")
            assert await ws.recv() == "one"
            await asyncio.to_thread(server.set, faults="message=refuse 1013")
            await ws.send("two")
            with pytest.raises(websockets.exceptions.ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.rcvd.code == 1013
    asyncio.run(asyncio.wait_for(main(), 60))
