#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat check --watch`, `--expires-in`, `--verbose` and `--message`.

usage: watch.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import signal
import socket
import subprocess
import tempfile
import unittest

import check_peers as peers
import peer
from mistake_peers import http
from patience import at_least, patience

PROGRAM = peer.program()


def setUpModule():
    global certificates
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    certificates = peers.Certificates(directory.name)


def free_port():
    """A port that nobody else gets as long as the socket is there: bound, and not listening."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


class Case(unittest.TestCase):
    maxDiff = None

    def serve(self, *arguments):
        server = peers.Serve(PROGRAM, *arguments)
        self.addCleanup(server.close)
        return server

    def check(self, *arguments, status=0):
        result = subprocess.run([PROGRAM, "check", *arguments], capture_output=True, env=peer.environment(),
                                timeout=patience(20))
        self.assertEqual(result.returncode, status, result)
        return result.stdout.decode()

    def start(self, *arguments):
        process = subprocess.Popen([PROGRAM, "check", "--watch=20ms", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=peer.environment(), text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Watch(Case):
    def test_lines_changes_and_the_end_by_a_signal(self):
        holder, port = free_port()
        with holder:
            process = self.start(f"ws://127.0.0.1:{port}/")
            for _ in range(2):
                self.assertRegex(process.stdout.readline(),
                                 rf"^  \d\d:\d\d:\d\d  failed  tcp  2301111 Connection refused\.  127.0.0.1:{port}: ECONNREFUSED")
        server = self.serve("echo", "--port", str(port))
        marked = next(line for line in process.stdout if line.startswith("* "))
        self.assertRegex(marked, r"^\* \d\d:\d\d:\d\d  ok      +\d+\.\d{3} ms\n$")
        self.assertRegex(process.stdout.readline(), r"^  \d\d:\d\d:\d\d  ok ")
        server.close()
        marked = next(line for line in process.stdout if line.startswith("* "))
        self.assertIn("failed", marked)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        self.assertEqual(process.wait(patience(20)), 4, "that of the last one")

    def test_until_it_heals(self):
        holder, port = free_port()
        with holder:
            process = self.start("--until", "ok", "--json", f"ws://127.0.0.1:{port}/")
            first = json.loads(process.stdout.readline())
            self.assertEqual((first["ok"], first["changed"], first["status"], first["error"]["code"], first["failed_phase"]),
                             (False, False, 4, 2301111, "tcp"))
            self.assertIsNone(first["connect_ms"])
        self.serve("echo", "--port", str(port))
        rows = [json.loads(line) for line in process.stdout]
        self.assertEqual(process.wait(patience(20)), 0)
        self.assertEqual((rows[-1]["ok"], rows[-1]["changed"], rows[-1]["status"]), (True, True, 0))
        self.assertNotIn("error", rows[-1])
        self.assertFalse(any(row["ok"] for row in rows[:-1]))

    def test_until_it_fails(self):
        server = self.serve("echo", "--fault", "connection=3;upgrade=refuse 503")
        out = self.check("--watch=20ms", "--until", "fail", server.url, status=8).splitlines()
        self.assertEqual([line.split()[2 if line.startswith("*") else 1] for line in out], ["ok", "ok", "failed"])
        self.assertTrue(out[-1].startswith("* "))
        self.assertIn("503", out[-1])

    def test_chinese(self):
        server = self.serve("echo", "--fault", "connection=2;upgrade=refuse 503")
        out = self.check("--watch=20ms", "--until", "fail", "--lang", "zh", server.url, status=8).splitlines()
        self.assertIn("正常", out[0])
        self.assertIn("失败  WebSocket 升级  200", out[1])

    def test_what_cannot_get_better_ends_it(self):
        out = self.check("--watch=20ms", "--ca", "/nonexistent.pem", "wss://127.0.0.1:9/", status=2)
        self.assertEqual(out.count("\n"), 1)

    def test_a_reader_that_has_seen_enough(self):
        server = self.serve("echo")
        result = subprocess.run(["/bin/sh", "-c", '"$0" check --watch=1ms "$1" | head -n 2', PROGRAM, server.url],
                                capture_output=True, env=peer.environment(), timeout=patience(20), text=True)
        self.assertEqual((result.stdout.count("\n"), result.stderr), (2, ""))

    def test_wrong_usage(self):
        for arguments, message in (
                (["--until", "ok"], "--until needs --watch"),
                (["--watch", "--repeat", "2"], "--watch goes with neither --repeat nor --compare"),
                (["--watch=0"], "--watch: the time cannot be 0"), (["--watch=x"], "--watch: 'x' is not a time"),
                (["--watch", "--until", "oka"], "--until: 'oka' is unknown; did you mean ok?"),
                (["--expires-in", "soon"], "--expires-in: 'soon' is not a time such as 14d, 2w or 36h"),
                (["--expires-in", "999999"], "--expires-in: '999999' is not a time"),
                (["--interval", "5"], "unknown option --interval; did you mean --watch?")):
            with self.subTest(arguments):
                result = subprocess.run([PROGRAM, "check", *arguments, "ws://h/"], capture_output=True,
                                        env=peer.environment(), timeout=patience(20), text=True)
                self.assertEqual(result.returncode, 2)
                self.assertTrue(result.stderr.startswith(f"leat check: {message}"), result.stderr)


class Expiry(Case):
    def wss(self, days):
        server = self.serve("echo", "--cert", certificates.issue_for_days(f"days-{days}", days), "--key",
                            certificates.path("server.key"))
        return ["--ca", certificates.path("ca.pem"), f"wss://localhost:{server.port}/"]

    def test_as_an_exit_status(self):
        url = self.wss(10)
        self.check(*url)
        self.check("--expires-in", "9d", *url)
        for within in ("14", "14d", "2w", "264h"):
            out = self.check("--expires-in", within, *url, status=7)
            self.assertRegex(out, r"\nA certificate expires in (9|10) days: CN=localhost\n")
        report = json.loads(self.check("--json", "--expires-in", "14d", *url, status=7))
        self.assertEqual((report["ok"], report["expiring"]), (True, "CN=localhost"))
        report = json.loads(self.check("--json", "--expires-in", "9d", *url))
        self.assertIsNone(report["expiring"])
        self.assertNotIn("expiring", json.loads(self.check("--json", *url)))

    def test_while_watching(self):
        out = self.check("--watch=20ms", "--until", "fail", "--expires-in", "14d", *self.wss(10), status=7)
        self.assertRegex(out, r"certificate has (9|10) days left: CN=localhost\n")

    def test_without_certificates(self):
        self.check("--expires-in", "14d", self.serve("echo").url)


class More(Case):
    def test_message(self):
        heard = []

        def serve(connection):
            peer.upgrade(connection)
            heard.append(connection.recv(4096))

        with peer.listener(serve) as port:
            subprocess.run([PROGRAM, "check", "-m", "mine", "--echo-timeout", at_least(0.5), f"ws://127.0.0.1:{port}/"],
                           capture_output=True, env=peer.environment(), timeout=patience(20), check=False)
        frame = heard[0]
        self.assertEqual(bytes(a ^ b for a, b in zip(frame[6:10], frame[2:6])), b"mine")
        self.check("-m", "mine", self.serve("echo").url)

    def test_verbose(self):
        server = self.serve("echo")
        self.assertNotIn("Sec-WebSocket-Accept", self.check(server.url))
        out = self.check("-v", server.url)
        self.assertRegex(out, r"\nheaders\n  HTTP 101\n(  .*\n)*  Sec-WebSocket-Accept: ")
        headers = json.loads(self.check("-v", "--json", server.url))["headers"]
        self.assertTrue(any(line.startswith("Sec-WebSocket-Accept: ") for line in headers), headers)

        def refuse(connection):
            connection.recv(4096)
            connection.sendall(http("404 Not Found", "X-Reason: gone"))

        with peer.listener(refuse) as port:
            self.assertIn("  X-Reason: gone\n", self.check("-v", f"ws://127.0.0.1:{port}/", status=8))

    def test_max_time(self):
        server = self.serve("echo", "--fault", "message=skip;ping=skip")
        out = self.check("--max-time", at_least(0.3), "--echo-timeout", "1h", server.url, status=9)
        self.assertIn("(--max-time)", out)
        out = self.check("--watch=20ms", "--until", "fail", "--max-time", at_least(0.3), "--echo-timeout", "1h", server.url,
                         status=9)
        self.assertIn("(--max-time)", out)


if __name__ == "__main__":
    unittest.main()
