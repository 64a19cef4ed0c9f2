# SPDX-License-Identifier: Apache-2.0
"""requests behind SOCKS5 by PySocks, and behind CONNECT (Debian: python3-requests, python3-socks)."""
import pytest

requests = pytest.importorskip("requests")
pytest.importorskip("socks")

TIMEOUT_S = 30


def get(proxy, url="http://a.test/", timeout=TIMEOUT_S, **options):
    return requests.get(url, proxies={"http": proxy.url, "https": proxy.url}, timeout=timeout, **options)


def fetch_careless(proxy):
    """As it is found in programs: one kind of failure, "timeout", after another try or two."""
    for _ in range(3):
        try:
            return get(proxy)
        except requests.exceptions.ConnectionError:
            pass
    raise requests.exceptions.ConnectTimeout("a.test does not answer")


def fetch_careful(proxy):
    """What the proxy has said is the answer, and is not asked for again."""
    return get(proxy)


@pytest.fixture(params=[
    pytest.param(fetch_careless, marks=pytest.mark.xfail(strict=True, raises=AssertionError, reason="the bug")), fetch_careful])
def fetch(request):
    return request.param


def test_a_refusal_is_no_timeout(fetch, socks5_proxy):
    proxy = socks5_proxy(faults="reply=refuse 2")
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        fetch(proxy)
    assert not isinstance(caught.value, requests.exceptions.Timeout), caught.value
    assert "not allowed by ruleset" in str(caught.value)
    assert proxy.count("request") == 1


def test_silence_is_one(socks5_proxy):
    proxy = socks5_proxy(faults="method=stall")
    with pytest.raises(requests.exceptions.ConnectTimeout):
        get(proxy, timeout=0.5)
    proxy.assert_no_step("request")


@pytest.mark.parametrize("fault", ["method=split 1 20", "reply=split 1"])
def test_a_reply_in_pieces(fault, socks5_proxy, ws_server):
    proxy = socks5_proxy(faults=fault, names={"a.test": "127.0.0.1"})
    assert get(proxy, f"http://a.test:{ws_server().port}/").status_code >= 400  # no upgrade was asked for


@pytest.mark.parametrize("fault", ["method=close", "method=reset", "reply=truncate 4;then=close"])
def test_a_proxy_that_breaks_off(fault, socks5_proxy):
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        get(socks5_proxy(faults=fault))
    assert not isinstance(caught.value, requests.exceptions.Timeout)


@pytest.mark.parametrize("status", [403, 407, 502])
def test_the_status_of_a_refusal(status, connect_proxy):
    proxy = connect_proxy(faults=f"reply=refuse {status}")
    with pytest.raises(requests.exceptions.ProxyError, match=str(status)):
        get(proxy, "https://a.test/")
    proxy.assert_steps("head", "reply", "end")


@pytest.mark.parametrize("fault", ["expired", "wrong-host", "self-signed"])
def test_certificates_behind_a_proxy(fault, connect_proxy, wss_server, ca):
    proxy, server = connect_proxy(), wss_server(certificate_faults=fault)
    with pytest.raises(requests.exceptions.SSLError):
        get(proxy, server.url.replace("wss:", "https:"), verify=ca.path)
    proxy.assert_steps("head", "reply", "relay")
    server.assert_no_step("head")
