# SPDX-License-Identifier: Apache-2.0
"""httpx behind SOCKS5 by socksio, and behind CONNECT (Debian: python3-httpx, python3-socksio).

What is marked `bug` fails, or failed, in a released version of httpx or of what it uses; it passes where that is mended."""
import threading

import pytest

httpx = pytest.importorskip("httpx")
socksio = pytest.importorskip("socksio")

TIMEOUT_S = 30


def bug(reason, raises):
    return pytest.mark.xfail(reason=reason, raises=raises, strict=False)


def client(proxy, timeout=TIMEOUT_S):
    """httpx before and after its `proxies` became `proxy`. It has the proxy resolve names, whatever its URL says."""
    url = proxy.url.replace("socks5h:", "socks5:")
    try:
        return httpx.Client(proxy=url, timeout=timeout)
    except TypeError:
        return httpx.Client(proxies=url, timeout=timeout)


def get(proxy, url="http://a.test/", timeout=TIMEOUT_S):
    with client(proxy, timeout) as session:
        return session.get(url)


@pytest.mark.parametrize("rep, text", [(1, "General"), (2, "not allowed"), (4, "Host unreachable"), (5, "Connection refused")])
def test_a_refusal_is_no_timeout(rep, text, socks5_proxy):
    proxy = socks5_proxy(faults=f"reply=refuse {rep}")
    with pytest.raises(httpx.ProxyError, match=text) as caught:
        get(proxy)
    assert not isinstance(caught.value, httpx.TimeoutException)
    proxy.assert_steps("greeting", "request", "reply")


@bug("the connection to a proxy that has refused is not closed, not even with the client", AssertionError)
def test_a_refused_connection_is_closed(socks5_proxy):
    proxy = socks5_proxy(faults="reply=05,05,00,01,00,00,00,00,00,00")  # the proxy itself does not close
    with pytest.raises(httpx.ProxyError):
        get(proxy)
    proxy.assert_step("end")


@pytest.mark.parametrize("status", [403, 407, 502])
def test_the_status_of_a_refusal(status, connect_proxy):
    proxy = connect_proxy(faults=f"reply=refuse {status}")
    with pytest.raises(httpx.ProxyError, match=str(status)):
        get(proxy, "https://a.test/")
    proxy.assert_steps("head", "reply", "end")


def test_a_wrong_password(socks5_proxy):
    proxy = socks5_proxy(user="alice", password="right", faults="auth-reply=refuse")
    with pytest.raises(httpx.ProxyError):
        get(proxy)
    proxy.assert_steps("method", "auth", "auth-reply")
    proxy.assert_no_step("request")


@bug("one read is taken for one reply, and what comes in two is called malformed", socksio.ProtocolError)
@pytest.mark.parametrize("fault", ["method=split 1 20", "reply=split-at 4 20"])
def test_a_reply_in_pieces(fault, socks5_proxy, ws_server):
    proxy = socks5_proxy(faults=fault, names={"a.test": "127.0.0.1"})
    assert get(proxy, f"http://a.test:{ws_server().port}/").status_code >= 400  # no upgrade was asked for


@bug("who was cut off gets an exception of another library, which no `except httpx.HTTPError` catches", socksio.ProtocolError)
@pytest.mark.parametrize("fault", ["method=close", "reply=truncate 4;then=close"])
def test_a_proxy_that_breaks_off(fault, socks5_proxy):
    with pytest.raises(httpx.HTTPError):
        get(socks5_proxy(faults=fault))


@bug("its timeouts do not count while SOCKS5 is spoken: a silent proxy is waited for without an end", AssertionError)
def test_a_silent_proxy_is_a_timeout(socks5_proxy):
    proxy = socks5_proxy(faults="method=stall")
    caught = []

    def run():
        try:
            get(proxy, timeout=0.5)
        except Exception as error:
            caught.append(error)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    proxy.assert_step("greeting", timeout=TIMEOUT_S)
    thread.join(5)
    assert caught, "it waits still"
    assert isinstance(caught[0], httpx.TimeoutException)
