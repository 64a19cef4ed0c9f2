# SPDX-License-Identifier: Apache-2.0
"""The client of this package, blocking and in asyncio: what it reports, to the number."""
import asyncio
import gc

import pytest

leat = pytest.importorskip("leat")


def test_through_a_proxy(socks5_proxy, wss_server, ca):
    proxy, server = socks5_proxy(user="a", password="b"), wss_server(messages=["welcome"])
    with leat.connect(server.url, proxy=proxy.url, ca=ca.path) as ws:
        assert ws.recv(30) == "welcome"
        ws.send(b"\0\1")
        assert ws.recv(30) == b"\0\1"
    proxy.assert_steps("auth", "request", "reply", "relay")


def test_who_has_refused(socks5_proxy):
    with pytest.raises(leat.Socks5Error) as caught:
        leat.connect("ws://a.test/", proxy=socks5_proxy(faults="reply=refuse 5").url)
    error = caught.value
    assert (error.code, error.layer, error.native_code) == (2301208, "socks5", 5)


def test_status(ws_server, connect_proxy, wss_server, ca):
    with pytest.raises(leat.WebSocketError) as caught:
        leat.connect(ws_server(faults="upgrade=refuse 403").url)
    assert caught.value.native_code == 403
    with pytest.raises(leat.HttpProxyError) as caught:
        leat.connect(wss_server().url, proxy=connect_proxy(faults="reply=refuse 502").url, ca=ca.path)
    assert caught.value.native_code == 502


def test_certificate(wss_server, ca):
    with pytest.raises(leat.TlsError, match="expired"):
        leat.connect(wss_server(certificate_faults="expired").url, ca=ca.path)


def test_no_message_is_a_timeout_and_the_connection_stands(ws_server):
    with leat.connect(ws_server().url) as ws:
        with pytest.raises(leat.LeatTimeout):
            ws.recv(0)
        ws.send("on")
        assert ws.recv(30) == "on"


def test_arguments():
    with pytest.raises(leat.ParameterError):
        leat.connect("ws://a.test/", headers={"Host": "b"})
    with pytest.raises(leat.LeatError):
        leat.connect("nonsense://a")
    with pytest.raises(ValueError):
        leat.connect("ws://a.test/\0")


def test_after_the_end(ws_server):
    ws = leat.connect(ws_server(messages=["a", "b"], close_code=1001, close_reason="bye").url)
    assert list(ws) == ["a", "b"]
    with pytest.raises(leat.ConnectionClosed) as caught:
        ws.recv()
    assert (caught.value.close_code, caught.value.reason, caught.value.closed_by) == (1001, "bye", "remote")
    ws.close()
    ws.close()
    with pytest.raises(leat.ConnectionClosed):
        ws.send("late")


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_asyncio(ws_server, socks5_proxy):
    server, proxy = ws_server(), socks5_proxy()

    async def main():
        async with leat.aio.connect(server.url, proxy=proxy.url) as ws:
            for number in range(500):
                await ws.send(f"{number}")
            await server.assert_step_async("message", 100)
            for number in range(500):
                assert await ws.recv() == f"{number}"
        async with leat.aio.connect(server.url) as one, leat.aio.connect(server.url) as two:
            await asyncio.gather(one.send("1"), two.send("2"))
            assert await asyncio.gather(one.recv(), two.recv()) == ["1", "2"]
    run(main())


def test_asyncio_failures(ws_server, socks5_proxy):
    async def main():
        with pytest.raises(leat.WebSocketError):
            await leat.aio.connect(ws_server(faults="upgrade=refuse 503").url)
        with pytest.raises(leat.Socks5Error):
            await leat.aio.connect("ws://a.test/", proxy=socks5_proxy(faults="method=refuse").url)
        with pytest.raises(leat.LeatError):
            await leat.aio.connect("nonsense://a")
        ws = await leat.aio.connect(ws_server(faults="message=reset").url)
        await ws.send("x")
        with pytest.raises(leat.LeatError) as caught:
            await ws.recv()
        assert not isinstance(caught.value, leat.ConnectionClosed)
        with pytest.raises(leat.LeatError):
            await ws.close()
    run(main())


def test_asyncio_cancelled(ws_server):
    server = ws_server(faults="upgrade=stall")

    async def main():
        task = asyncio.ensure_future(leat.aio.connect(server.url)._open())
        await server.assert_step_async("head")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    run(main())
    assert server.wait_idle()


def test_asyncio_close_while_messages_come(ws_server):
    server = ws_server(messages=["x" * 1000] * 64)

    async def main():
        ws = await leat.aio.connect(server.url)
        for _ in range(200):
            await ws.send("y" * 1000)
        await server.assert_step_async("message", 100)
        await ws.close()
    run(main())


def test_asyncio_forgotten(ws_server):
    """What nobody closes is closed when it is forgotten."""
    server = ws_server()

    async def main():
        ws = await leat.aio.connect(server.url)
        await ws.send("x")
        assert await ws.recv() == "x"
        del ws
        with pytest.warns(ResourceWarning):
            gc.collect()
        assert await asyncio.to_thread(server.wait_idle, 30)
    run(main())
