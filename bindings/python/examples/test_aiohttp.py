# SPDX-License-Identifier: Apache-2.0
"""aiohttp as a WebSocket client: proxies that refuse, certificates that are wrong (Debian: python3-aiohttp)."""
import asyncio
import ssl

import pytest

aiohttp = pytest.importorskip("aiohttp")


def run(url, **options):
    async def main():
        async with aiohttp.ClientSession() as session, session.ws_connect(url, **options) as ws:
            await ws.send_str("hello")
            return await ws.receive_str(timeout=30)
    return asyncio.run(asyncio.wait_for(main(), 60))


def test_through_a_proxy(connect_proxy, wss_server, ca):
    proxy, server = connect_proxy(), wss_server()
    assert run(server.url, proxy=proxy.url, ssl=ssl.create_default_context(cafile=ca.path)) == "hello"
    proxy.assert_steps("head", "connect", "reply", "relay")
    server.assert_steps("upgrade", "message")


@pytest.mark.parametrize("status", [403, 407, 502])
def test_the_status_of_a_refusal(status, connect_proxy, wss_server, ca):
    """CONNECT, since it is TLS: what the proxy says must come through."""
    proxy, server = connect_proxy(faults=f"reply=refuse {status}"), wss_server()
    with pytest.raises(aiohttp.ClientHttpProxyError) as caught:
        run(server.url, proxy=proxy.url, ssl=ssl.create_default_context(cafile=ca.path))
    assert caught.value.status == status
    proxy.assert_step("reply")
    server.assert_no_step("head")


@pytest.mark.parametrize("fault", ["expired", "wrong-host", "unknown-ca", "self-signed"])
def test_certificates(fault, wss_server, ca):
    server = wss_server(certificate_faults=fault)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        run(server.url, ssl=ssl.create_default_context(cafile=ca.path))
    server.assert_no_step("head")


def test_a_good_certificate(wss_server, ca):
    assert run(wss_server().url, ssl=ssl.create_default_context(cafile=ca.path)) == "hello"
