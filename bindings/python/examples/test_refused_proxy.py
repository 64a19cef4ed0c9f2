# SPDX-License-Identifier: Apache-2.0
"""A bug that many clients have: the proxy refuses, and they say "timeout". Shown with PySocks (Debian: python3-socks)."""
import socket
import urllib.parse

import pytest

socks = pytest.importorskip("socks")


def open_careless(proxy_url, host, port):
    """A client as they are found: whatever goes wrong is a timeout."""
    proxy = urllib.parse.urlsplit(proxy_url)
    try:
        return socks.create_connection((host, port), 10, None, socks.SOCKS5, proxy.hostname, proxy.port)
    except OSError:
        raise TimeoutError(f"{host} does not answer") from None


def open_careful(proxy_url, host, port):
    """The same with the bug mended: who asked, and what was said."""
    proxy = urllib.parse.urlsplit(proxy_url)
    try:
        return socks.create_connection((host, port), 10, None, socks.SOCKS5, proxy.hostname, proxy.port)
    except socks.ProxyError as error:
        if isinstance(error.socket_err, socks.SOCKS5Error):
            raise ConnectionRefusedError(f"the proxy {proxy.netloc} refuses to connect to {host}: {error}") from error
        raise


@pytest.fixture(params=[
    pytest.param(open_careless, marks=pytest.mark.xfail(strict=True, raises=TimeoutError, reason="the bug")), open_careful])
def open_connection(request):
    return request.param


def test_a_refusal_is_no_timeout(open_connection, socks5_proxy):
    proxy = socks5_proxy(faults="reply=refuse 2")
    with pytest.raises(ConnectionRefusedError, match="not allowed by ruleset"):
        open_connection(proxy.url, "a.test", 80)
    proxy.assert_steps("greeting", "request", "reply", "end")


def test_silence_is_one(socks5_proxy):
    """The other way round: here nobody answers, until the test is over."""
    proxy = socks5_proxy(faults="method=stall")
    host = urllib.parse.urlsplit(proxy.url)
    with pytest.raises(socks.ProxyError) as caught:
        socks.create_connection(("a.test", 80), 0.5, None, socks.SOCKS5, host.hostname, host.port)
    assert isinstance(caught.value.socket_err, socket.timeout)
    proxy.assert_step("greeting")
    proxy.assert_no_step("request")
