#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Run by packages.sh in a bare system where python3-leat-testing and pytest are installed, with no network but its loopback.
set -euo pipefail

fail() {
    echo "in the bare system: $*" >&2
    exit 1
}

cd /test
export PYTHONDONTWRITEBYTECODE=1
version=$(dpkg-query -W -f '${Version}' python3-leat-testing)
[ "$(python3 -c 'import leat_testing; print(leat_testing.__version__)')" = "${version%-*}" ] || fail "another version than $version"
[ "$(python3 -c 'from importlib.metadata import version; print(version("leat-testing"))')" = "${version%-*}" ] ||
    fail "its metadata is not found"

# The plugin is there because the package is; the client is that of libleat1.
cat >test_it.py <<'END'
import leat
import pytest


def test_client_and_servers(socks5_proxy, wss_server, ca):
    proxy, server = socks5_proxy(user="a", password="b", names={"*": "127.0.0.1"}), wss_server()
    with leat.connect(server.url, proxy=proxy.url, ca=ca.path) as ws:
        ws.send("packaged")
        assert ws.recv(60) == "packaged"
    proxy.assert_steps("auth", "reply", "relay")
    server.assert_steps("tls", "upgrade", "message", "close")


def test_a_refusal(socks5_proxy):
    proxy = socks5_proxy(faults="reply=refuse 5")
    with pytest.raises(leat.Socks5Error):
        leat.connect("ws://a.test/", proxy=proxy.url)


def test_recorded_and_replayed(ws_server, replay, tmp_path):
    file = tmp_path / "run.jsonl"
    for server in (lambda: ws_server(record=file)), (lambda: replay(file)):
        made = server()
        with leat.connect(made.url) as ws:
            ws.send("again")
            assert ws.recv(60) == "again"
        assert made.wait_idle(60)
        made.assert_same()
END
python3 -m pytest -q -p no:cacheprovider test_it.py || fail "its fixtures do not work"
python3 -m pytest -q -p no:cacheprovider /usr/share/doc/python3-leat-testing/examples/test_leat.py ||
    fail "the examples in its documentation do not work"
