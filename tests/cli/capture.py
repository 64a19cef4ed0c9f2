#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat serve --pcapng` and `--diagram`: what the files say, by a reader of our own and by tshark.

usage: capture.py PROGRAM     PROGRAM is the tool `leat`
"""
import collections
import os
import pathlib
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import unittest

import serve
from patience import patience

TIMEOUT_S = patience(30)

Packet = collections.namedtuple("Packet", "source target seq ack flags payload comment before")
FIN, SYN, RST = 1, 2, 4


def blocks(data):
    """The blocks of a file as (type, body); each must be whole, with its length at both ends."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("=II", data, at)
        assert length % 4 == 0 and length >= 12 and at + length <= len(data), (at, length, len(data))
        assert struct.unpack_from("=I", data, at + length - 4)[0] == length
        yield kind, data[at + 8:at + length - 4]
        at += length


def packets(data):
    """The packets, with how many blocks of secrets stand in front of each."""
    secrets = 0
    for kind, body in blocks(data):
        secrets += kind == 10
        if kind != 6:
            continue
        caplen, length = struct.unpack_from("=II", body, 12)
        assert caplen == length
        frame = body[20:20 + caplen]
        options = body[20 + (caplen + 3) // 4 * 4:]
        comment = ""
        if options:
            code, size = struct.unpack_from("=HH", options)
            assert code == 1
            comment = options[4:4 + size].decode()
        assert frame[12:14] == b"\x08\x00"
        ip = frame[14:34]
        tcp = frame[34:54]
        source, target, seq, ack, flags = struct.unpack_from(">HHIIH", tcp)
        assert struct.unpack_from(">H", ip, 2)[0] == len(frame) - 14
        yield Packet((ip[12:16], source), (ip[16:20], target), seq, ack, flags & 0x3f, frame[54:], comment, secrets)


class CaptureTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "run.pcapng"

    def run_server(self, *arguments, clients=1, text="hello wireshark\n"):
        """A server that ends after so many clients of ours. What it has captured."""
        server = serve.Serve(*arguments, "--pcapng", str(self.file), "--connections", str(clients))
        self.addCleanup(server.clean_up)
        if "--tls" in arguments:
            server.read_paths()
        trust = ["--ca", server.ca] if "--tls" in arguments else []
        for _ in range(clients):
            done = subprocess.run([sys.argv[1], "ws", *trust, server.url], input=text, capture_output=True, text=True,
                                  timeout=TIMEOUT_S)
            self.assertEqual((done.returncode, done.stdout), (0, text), done.stderr)
        self.assertEqual(server.process.wait(TIMEOUT_S), 0)
        return self.file.read_bytes()

    def streams(self, data):
        """What each side has said, by its port; sequence numbers must leave no gap."""
        said, expected = collections.defaultdict(bytes), {}
        for packet in packets(data):
            key = packet.source, packet.target
            self.assertEqual(packet.seq, expected.get(key, packet.seq))
            expected[key] = packet.seq + len(packet.payload) + (1 if packet.flags & (SYN | FIN) else 0)
            back = expected.get((packet.target, packet.source))
            if back is not None and not packet.flags & RST:
                self.assertEqual(packet.ack, back)
            said[key] += packet.payload
        return said

    def test_plain_connections(self):
        data = self.run_server("echo", clients=3)
        said = self.streams(data)
        self.assertEqual(len(said), 6)
        for text in said.values():
            self.assertTrue(text.startswith((b"GET / HTTP/1.1\r\n", b"HTTP/1.1 101 ")), text[:40])
        flags = [packet.flags for packet in packets(data)]
        self.assertEqual(sum(1 for flag in flags if flag & SYN), 6)
        self.assertEqual(sum(1 for flag in flags if flag & FIN), 6)
        comments = " ".join(packet.comment for packet in packets(data))
        for step in ("accept 127.0.0.1:", "head GET / HTTP/1.1", "upgrade 101", "message text 15", "close 1000"):
            self.assertIn(step, comments)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)

    def test_reset_is_one(self):
        server = serve.Serve("echo", "--pcapng", str(self.file), "--once", "--fault", "upgrade=reset")
        self.addCleanup(server.clean_up)
        host, port = server.url.split("/")[2].rsplit(":", 1)
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            with self.assertRaises(ConnectionResetError):
                connection.recv(1)
        self.assertEqual(server.process.wait(TIMEOUT_S), 0)
        self.assertEqual([p.flags & RST for p in packets(self.file.read_bytes())][-1], RST)

    def test_secrets_come_before_what_they_open(self):
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                data = self.run_server("echo", "--tls", "--tls-min", version, "--tls-max", version)
                records = [p for p in packets(data) if p.payload[:1] in (b"\x14", b"\x17")]
                self.assertTrue(records)
                self.assertTrue(all(packet.before > 0 for packet in records))

    def test_limit(self):
        text = "x" * 100000 + "\n"
        data = self.run_server("echo", "--pcapng-max", "1", clients=20, text=text)
        self.assertLess(len(data), (1 << 20) + 200)
        last = list(blocks(data))[-1]
        self.assertEqual(last[0], 5)
        counts = dict((struct.unpack_from("=HHQ", last[1], at)[0::2]) for at in (12, 24))
        self.assertGreater(counts[5], 0)  # isb_ifdrop
        self.assertEqual(counts[4] - counts[5], sum(1 for _ in packets(data)))

    def test_files_that_cannot_be_written(self):
        os.mkfifo(self.folder / "fifo")
        for path, why in ((self.folder / "none" / "x", "No such file"), (self.folder, "directory"),
                          (self.folder / "fifo", "")):
            for kind in (["echo"], ["control", "--port", "0"]):
                done = subprocess.run([sys.argv[1], "serve", *kind, "--pcapng", str(path)], capture_output=True, text=True,
                                      timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, "")
                self.assertIn(str(path), done.stderr)
                self.assertIn(why, done.stderr)

    def test_diagram(self):
        diagram = self.folder / "run.mmd"
        self.run_server("echo", "--diagram", str(diagram), clients=2)
        lines = diagram.read_text().splitlines()
        self.assertEqual(lines[0], "sequenceDiagram")
        self.assertIn("    participant c2 as client 2", lines)
        for beginning in ("    c1->>s: head GET / HTTP/1.1", "    s-->>c1: upgrade 101", "    c2->>s: message text 15",
                          "    Note over c2,s: end ("):
            self.assertTrue(any(line.startswith(beginning) for line in lines), beginning)

    def test_diagram_of_hostile_texts(self):
        diagram = self.folder / "run.mmd"
        server = serve.Serve("connect", "--diagram", str(diagram), "--once")
        self.addCleanup(server.clean_up)
        host, port = server.url.split("/")[2].rsplit(":", 1)
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall(b"CONNECT a;end#b<c>:1 HTTP/1.1\r\nHost: a\r\n\r\n")
            while connection.recv(4096):
                pass
        self.assertEqual(server.process.wait(TIMEOUT_S), 0)
        text = diagram.read_text()
        self.assertIn("a#59;end#35;b#60;c#62;", text)

    def test_diagram_that_cannot_be_written(self):
        server = serve.Serve("echo", "--diagram", str(self.folder / "none" / "x"))
        self.addCleanup(server.clean_up)
        server.process.terminate()
        self.assertEqual(server.process.wait(TIMEOUT_S), 1)

    def tshark(self, *arguments):
        return subprocess.run(["tshark", "-r", str(self.file), *arguments], capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=True).stdout

    def test_tshark_decrypts(self):
        if not shutil.which("tshark"):
            print("left out: tshark on captures: it is not installed (script/bootstrap --tests)")
            return
        for version in ("1.2", "1.3"):
            with self.subTest(version):
                self.run_server("echo", "--tls", "--tls-min", version, "--tls-max", version, clients=2)
                out = self.tshark("-Y", "websocket.payload.text", "-T", "fields", "-e", "tcp.stream", "-e",
                                  "websocket.mask", "-e", "data.text")
                self.assertEqual(len(out.splitlines()), 4, out)
                out = self.tshark("-Y", "websocket", "-T", "json")
                self.assertEqual(out.count('"websocket.opcode": "8"'), 4)
                bad = self.tshark("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y",
                                  "tcp.checksum.status==0 || ip.checksum.status==0 || tcp.analysis.flags || _ws.malformed")
                self.assertEqual(bad, "")

    def test_tshark_reads_ipv6(self):
        if not shutil.which("tshark"):
            print("left out: tshark on IPv6: it is not installed (script/bootstrap --tests)")
            return
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            print("left out: a capture of IPv6: there is no ::1")
            return
        self.run_server("echo", "--host", "::1")
        self.assertIn("::1", self.tshark("-Y", "websocket", "-T", "fields", "-e", "ipv6.src"))
        self.assertEqual("", self.tshark("-o", "tcp.check_checksum:TRUE", "-Y", "tcp.checksum.status==0"))


if __name__ == "__main__":
    serve.PROGRAM = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
