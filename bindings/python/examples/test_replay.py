# SPDX-License-Identifier: Apache-2.0
"""A session with a server that is recorded once, and replayed without it (Debian: python3-requests)."""
import http.server
import threading

import pytest

requests = pytest.importorskip("requests")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"from the real one: " + self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def recording(relay, tmp_path):
    """What a server says that is gone afterwards."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        recorder = relay(f"127.0.0.1:{server.server_port}", record=tmp_path / "run.jsonl")
        assert requests.get(f"http://{recorder.address}/one", timeout=60).text == "from the real one: /one"
        assert recorder.wait_idle(60)
        server.shutdown()
    return tmp_path / "run.jsonl"


def test_the_same_again(recording, replay):
    server = replay(recording)
    for _ in range(2):
        assert requests.get(f"http://{server.address}/one", timeout=60).text == "from the real one: /one"
    server.assert_same()


def test_with_a_fault(recording, replay):
    server = replay(recording, faults="send=truncate 40;then=reset")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://{server.address}/one", timeout=60)


def test_another_request_is_told(recording, replay):
    server = replay(recording)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://{server.address}/two", timeout=60)
    assert server.wait_idle(60)
    with pytest.raises(AssertionError, match='says "GET /two HTTP/1.1" where it said "GET /one HTTP/1.1"'):
        server.assert_same()
