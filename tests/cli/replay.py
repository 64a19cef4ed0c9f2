#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat serve ... --record` and `leat serve replay`: what real clients have done with a real server is done again
without it, and with one fault in it.

usage: replay.py PROGRAM     PROGRAM is the tool `leat`
"""
import http.server
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

import serve
from patience import patience

TIMEOUT_S = patience(30)
PYTHON = "/usr/bin/python3"  # that of Debian's packages

WEBSOCKETS = """
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        for text in ("hello", "", b"\\x00\\xff" * 40, "a" * 70000):
            await ws.send(text)
            assert await asyncio.wait_for(ws.recv(), %d) == text
asyncio.run(main())
""" % TIMEOUT_S


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"this is {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))[::-1]
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class ReplayTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = str(self.folder / "run.jsonl")

    def serve(self, *arguments):
        server = serve.Serve(*arguments)
        self.addCleanup(server.clean_up)
        if "--tls" in arguments:
            server.read_paths()
        return server

    def replay(self, *arguments):
        return self.serve("replay", self.file, *arguments)

    def run_client(self, *words, status=0, **options):
        done = subprocess.run(words, capture_output=True, timeout=TIMEOUT_S, check=False, stdin=options.pop("stdin", subprocess.DEVNULL),
                              **options)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def ended(self, server, connections_done=True):
        """The status and what was said, of a server that ends by itself."""
        return server.end(None if connections_done else 15)

    def events(self):
        return [json.loads(line) for line in pathlib.Path(self.file).read_text().splitlines()]

    def http_server(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def close():
            server.shutdown()
            server.server_close()
        self.addCleanup(close)
        return server.server_address[1], close

    # ---- HTTP: curl ------------------------------------------------------------------------------------------------

    def curl(self, base, *words, status=0):
        return self.run_client("curl", "-sS", *words, f"{base}/one", f"{base}/two", status=status).stdout

    def test_a_relay_in_front_of_a_real_server(self):
        port, _ = self.http_server()
        relay = self.serve("tcp", "--to", f"127.0.0.1:{port}", "--record", self.file, "--connections", "2")
        base = f"http://127.0.0.1:{relay.port}"
        said = self.curl(base)
        self.assertEqual(said, b"this is /one\nthis is /two\n")
        posted = self.run_client("curl", "-sS", "-d", "x=1&y=2", f"{base}/post").stdout
        self.assertEqual(self.ended(relay)[0], 0)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        events = self.events()
        self.assertEqual((events[0]["leat_recording"], events[0]["kind"], events[0]["tls"]), (1, "tcp", False))
        self.assertTrue(any(e.get("client", "").startswith("GET /two HTTP/1.1\r\n") for e in events))
        for _ in range(2):  # the server is not asked any more
            again = self.replay("--connections", "2")
            base = f"http://127.0.0.1:{again.port}"
            self.assertEqual(self.curl(base), said)
            self.assertEqual(self.run_client("curl", "-sS", "-d", "x=1&y=2", f"{base}/post").stdout, posted)
            self.assertEqual(self.ended(again), (0, "", ""))

    def one_request(self):
        port, _ = self.http_server()
        relay = self.serve("tcp", "--to", f"127.0.0.1:{port}", "--record", self.file, "--once")
        self.curl(f"http://127.0.0.1:{relay.port}")
        self.assertEqual(self.ended(relay)[0], 0)

    def test_a_fault_in_it(self):
        self.one_request()
        answer = sum(len(e["server"]) for e in self.events() if "server" in e) // 2
        again = self.replay("--fault", f"send#2=truncate {answer - 4};then=close", "--once")
        said = self.curl(f"http://127.0.0.1:{again.port}", status=18)  # closed with data missing
        self.assertEqual(said, b"this is /one\nthis is /")
        self.assertEqual(self.ended(again)[0], 0)
        again = self.replay("--fault", "send#1=\"HTTP/1.1 503 Busy\\r\\nContent-Length: 0\\r\\n\\r\\n\"", "--once")
        self.assertEqual(self.curl(f"http://127.0.0.1:{again.port}"), b"this is /two\n")
        self.assertEqual(self.ended(again)[0], 0)

    def test_where_the_client_differs(self):
        self.one_request()
        again = self.replay("--once")
        self.run_client("curl", "-sS", f"http://127.0.0.1:{again.port}/one", f"http://127.0.0.1:{again.port}/three", status=None)
        status, _, said = self.ended(again)
        self.assertEqual(status, 1)
        self.assertRegex(said, r"^leat serve replay: line \d+: the client says \"GET /three HTTP/1\.1\" where it said "
                         r"\"GET /two HTTP/1\.1\"\n$")
        again = self.replay("--once", "--match", "any")
        base = f"http://127.0.0.1:{again.port}"
        done = self.run_client("curl", "-sS", "-H", "X: y", f"{base}/one", f"{base}/three")
        self.assertEqual(done.stdout, b"this is /one\nthis is /two\n")
        self.assertEqual(self.ended(again), (0, "", ""))
        again = self.replay("--once")
        self.run_client("curl", "-sS", "-H", "X: y", f"http://127.0.0.1:{again.port}/one", status=None)
        self.assertIn('the client says "X: y", which it did not then', self.ended(again)[2])

    def test_proxies(self):
        """What a client says to a proxy, and through it: neither proxy nor destination is there later."""
        for kind, option in (("socks5", "--socks5-hostname"), ("connect", "-px"), ("http", "-x")):
            port, close = self.http_server()
            proxy = self.serve(kind, "--user", "a:b", "--record", self.file, "--once", "--resolve", "*=127.0.0.1")
            words = {"-px": ["-p", "-x"]}.get(option, [option])
            target = f"http://a.test:{port}/x"
            host = f"127.0.0.1:{proxy.port}"
            self.assertEqual(self.run_client("curl", "-sS", "-U", "a:b", *words, host, target).stdout, b"this is /x\n")
            self.assertEqual(self.ended(proxy)[0], 0)
            close()
            again = self.replay("--once", "--log")
            host = f"127.0.0.1:{again.port}"
            self.assertEqual(self.run_client("curl", "-sS", "-U", "a:b", *words, host, target).stdout, b"this is /x\n", kind)
            status, _, log = self.ended(again)
            self.assertEqual(status, 0, log)
            self.assertRegex(log, r"#1 reply +line \d+")
            if kind == "socks5":
                again = self.replay("--once", "--fault", "auth-reply=01,01")
                self.run_client("curl", "-sS", "-U", "a:b", *words, f"127.0.0.1:{again.port}", target, status=97)

    # ---- WebSocket: leat, websockets, ws ----------------------------------------------------------------------------

    def websocket_clients(self):
        yield "leat", lambda url: ([sys.argv[1], "ws", url], b"hello\nagain\n")
        if subprocess.run([PYTHON, "-c", "import websockets"], capture_output=True, check=False).returncode == 0:
            yield "websockets", lambda url: ([PYTHON, "-c", WEBSOCKETS, url], b"")
        else:
            print("left out: websockets: it is not installed")
        if shutil.which("node") and os.path.isdir("/usr/share/nodejs/ws"):
            code = ("const ws = new (require('ws'))(process.argv[1], {perMessageDeflate: false}); let n = 0;"
                    "ws.on('open', () => ws.send('hello'));"
                    "ws.on('message', (m) => { if (n++ < 3) ws.send('m' + n); else ws.close(1000); });"
                    "ws.on('close', (code) => process.exit(code === 1000 && n === 4 ? 0 : 1));"
                    "ws.on('error', (e) => { console.log(e.message); process.exit(2); })")
            yield "ws", lambda url: (["node", "-e", code, url], b"")
        else:
            print("left out: ws: it is not installed")

    def client(self, words, text, status=0):
        env = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
        done = subprocess.run(words, input=text, capture_output=True, timeout=TIMEOUT_S, check=False, env=env)
        if status == 0:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(text, done.stdout)
        else:
            self.assertNotEqual(done.returncode, 0)
        return done

    def test_websocket_clients_are_content(self):
        for name, words_of in self.websocket_clients():
            with self.subTest(name):
                server = self.serve("echo", "--record", self.file, "--once")
                self.client(*words_of(server.url))
                self.assertEqual(self.ended(server)[0], 0)
                for arguments in ([], ["--keep-times"], ["--link", "slice=3"]):
                    again = self.replay("--once", *arguments)
                    self.assertRegex(again.url, r"^ws://127\.0\.0\.1:\d+/$")
                    self.client(*words_of(again.url))
                    self.assertEqual(self.ended(again), (0, "", ""))
                for fault in ("upgrade=\"HTTP/1.1 403 No\\r\\n\\r\\n\";then=close", "message#2=truncate 1;then=reset",
                              "message#1=81,85,00"):
                    again = self.replay("--once", "--fault", fault)
                    self.client(*words_of(again.url), status=1)
                    self.ended(again)

    def test_inside_of_tls(self):
        server = self.serve("echo", "--tls", "--record", self.file, "--once")
        self.client([sys.argv[1], "ws", "--ca", server.ca, server.url], b"secret\n")
        self.assertEqual(self.ended(server)[0], 0)
        self.assertTrue(self.events()[0]["tls"])
        self.assertTrue(any(e.get("server", "").startswith("HTTP/1.1 101") for e in self.events()))
        again = self.replay("--tls", "--once", "--log")
        self.assertRegex(again.url, r"^wss://localhost:\d+/$")
        self.client([sys.argv[1], "ws", "--ca", again.ca, again.url], b"secret\n")
        status, _, log = self.ended(again)
        self.assertEqual(status, 0, log)
        self.assertRegex(log, r"#1 tls +TLSv1\.3")
        plain = self.replay("--once")  # what was inside, without it
        self.client([sys.argv[1], "ws", plain.url], b"secret\n")
        self.assertEqual(self.ended(plain), (0, "", ""))

    def test_a_relay_that_ends_tls(self):
        server = self.serve("echo", "--tls")
        relay = self.serve("tcp", "--tls", "--to", f"localhost:{server.port}", "--to-ca", server.ca, "--record", self.file, "--once")
        url = f"wss://localhost:{relay.port}/"
        self.client([sys.argv[1], "ws", "--ca", relay.ca, url], b"far\n")
        self.assertEqual(self.ended(relay)[0], 0)
        again = self.replay("--tls", "--once")
        self.client([sys.argv[1], "ws", "--ca", again.ca, f"wss://localhost:{again.port}/"], b"far\n")
        self.assertEqual(self.ended(again), (0, "", ""))

    def test_a_relay_that_only_carries_it(self):
        server = self.serve("echo", "--tls")
        relay = self.serve("tcp", "--to", f"localhost:{server.port}", "--record", self.file, "--once")
        self.client([sys.argv[1], "ws", "--ca", server.ca, f"wss://localhost:{relay.port}/"], b"far\n")
        self.assertEqual(self.ended(relay)[0], 0)
        again = self.replay("--once")
        self.client([sys.argv[1], "ws", "--ca", server.ca, f"wss://localhost:{again.port}/"], b"far\n", status=1)
        status, _, said = self.ended(again)
        self.assertEqual(status, 1)
        self.assertRegex(said, r"line \d+: TLS with somebody else begins here, which nobody can replay: record where it ends")

    # ---- the command -----------------------------------------------------------------------------------------------

    def test_what_is_refused(self):
        for text, reason in (("", "it is empty"), ("hello\n", "line 1: JSON, byte 1"), ('{"leat_recording":1,"kind":"tcp"}\n{"a":1}\n',
                                                                                   "line 2: there is no member a")):
            pathlib.Path(self.file).write_text(text)
            done = serve.run("serve", "replay", self.file)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(reason, done.stderr)
            self.assertIn(self.file, done.stderr)
        done = serve.run("serve", "replay", str(self.folder / "none"))
        self.assertIn("No such file", done.stderr)
        self.assertEqual(serve.run("serve", "replay").returncode, 2)
        done = serve.run("serve", "echo", "--record", "/nowhere/x")
        self.assertIn("cannot record to /nowhere/x: No such file or directory", done.stderr)
        self.assertNotIn("explain", done.stderr.splitlines()[0])


if __name__ == "__main__":
    serve.PROGRAM = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
