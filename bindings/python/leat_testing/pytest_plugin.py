# SPDX-License-Identifier: Apache-2.0
"""Fixtures for pytest. socks5_proxy and the others are functions that start servers:

    def test_refusal(socks5_proxy):
        proxy = socks5_proxy(faults="reply=refuse 5")

All of them end with the test. When a test fails, its report has what they have seen.
"""
import pytest

from ._control import Control


def pytest_addoption(parser):
    parser.getgroup("leat").addoption("--leat-pcapng", metavar="FILE", help="what all servers of leat_testing have sent and "
                                      "got, for Wireshark, with the secrets of TLS")


def pytest_configure(config):
    if config.pluginmanager.has_plugin("xdist") and hasattr(config, "workerinput") and config.getoption("--leat-pcapng"):
        config.option.leat_pcapng += "." + config.workerinput["workerid"]


@pytest.fixture(scope="session")
def leat_control(request):
    """`leat serve control`, one for all tests."""
    with Control(pcapng=request.config.getoption("--leat-pcapng")) as control:
        yield control


@pytest.fixture
def _leat_servers(leat_control, request):
    made = []
    request.node._leat_servers = made
    yield made
    for server in reversed(made):
        server.remove()


def _maker(name, doc):
    def fixture(leat_control, _leat_servers):
        def make(*arguments, **members):
            server = getattr(leat_control, name)(*arguments, **members)
            _leat_servers.append(server)
            return server
        return make
    fixture.__doc__ = doc
    return pytest.fixture(fixture, name=name)


_socks5 = _maker("socks5_proxy", "Starts a SOCKS5 proxy: socks5_proxy(faults=..., conditions=..., user=..., password=...).")
_connect = _maker("connect_proxy", "Starts an HTTP proxy that knows CONNECT.")
_ws = _maker("ws_server", "Starts a WebSocket server that echoes: ws_server(messages=[...]).")
_wss = _maker("wss_server", "Starts one behind TLS: wss_server(certificate_faults='expired').")
_relay = _maker("relay", "Starts a relay: relay('127.0.0.1:5432', conditions='latency=80').")
_replay = _maker("replay", "Serves what a server with record='run.jsonl' has written: replay('run.jsonl', faults=...).")
_dns = _maker("dns", "Starts a DNS server: dns(records='a.test A 127.0.0.1').")


@pytest.fixture
def ca(leat_control):
    """The certificate authority of all servers: ca.path, ca.issue(hosts=..., faults=...)."""
    return leat_control.ca


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for server in getattr(item, "_leat_servers", ()):
            try:
                report.sections.append((f"leat: {server.name}", server.log()))
            except Exception as error:  # the report of the test is worth more than this
                report.sections.append((f"leat: {server.name}", f"no log: {error}"))
