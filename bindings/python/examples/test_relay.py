# SPDX-License-Identifier: Apache-2.0
"""A relay in front of any server over TCP: here one of HTTP, of the standard library."""
import http.client
import http.server
import threading

import pytest


@pytest.fixture
def upstream():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"x" * 100000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def get(relay):
    connection = http.client.HTTPConnection(relay.address, timeout=60)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def test_whole(relay, upstream):
    assert len(get(relay(upstream))) == 100000


def test_cut_off(relay, upstream):
    """A body that ends too early is an error, not a short body."""
    with pytest.raises(http.client.IncompleteRead):
        get(relay(upstream, conditions="limit=50000"))


def test_mended_while_it_runs(relay, upstream):
    proxy = relay(upstream, conditions="limit=50000")
    with pytest.raises(http.client.IncompleteRead):
        get(proxy)
    proxy.set(conditions="")
    assert len(get(proxy)) == 100000
