#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat ws` in pipes: every option, bad input, and how it ends.

usage: ws.py PROGRAM     PROGRAM is the tool `leat`
"""
import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import peer
from patience import at_least, patience

PROGRAM = peer.program()
TIMEOUT = patience(20)


def setUpModule():
    global server
    server = peer.Server()


def tearDownModule():
    server.stop()


def run(*arguments, stdin=b"", path="/echo", status=0, url=None):
    result = subprocess.run([PROGRAM, "ws", url or server.url(path), *arguments], input=stdin, capture_output=True,
                            env=peer.environment(), timeout=TIMEOUT)
    assert result.returncode == status, result
    return result


def start(*arguments, path="/echo", url=None, **options):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([PROGRAM, "ws", url or server.url(path), *arguments], env=peer.environment(), **options)


def events(result):
    """The JSON objects of the output, each checked for what all of them have."""
    found = [json.loads(line) for line in result.stdout.decode("utf-8").splitlines()]
    for event in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event["time"]), event
    times = [event["elapsed_ms"] for event in found]
    assert times == sorted(times), times
    return found


class Messages(unittest.TestCase):
    def test_lines_there_and_back_and_nothing_else(self):
        result = run("-n", "3", stdin="one\nzwölf\n\n".encode())
        self.assertEqual((result.stdout, result.stderr), ("one\nzwölf\n\n".encode(), b""))

    def test_a_last_line_without_an_end(self):
        self.assertEqual(run("-n", "2", stdin=b"one\ntwo").stdout, b"one\ntwo\n")

    def test_many_lines_in_order(self):
        lines = b"".join(b"%d %s\n" % (i, b"x" * (i % 300)) for i in range(20000))
        self.assertEqual(run("-n", "20000", stdin=lines).stdout, lines)

    def test_messages_of_the_command_line(self):
        result = run("-m", "one", "--message", "two\nlines", "--message=", "-n", "3", "--null", stdin=b"not read\n")
        self.assertEqual(result.stdout, b"one\0two\nlines\0\0")

    def test_null(self):
        self.assertEqual(run("-0", "-n", "2", stdin=b"a\nb\0c").stdout, b"a\nb\0c\0")

    def test_hex(self):
        self.assertEqual(run("--hex", "-n", "4", stdin=b"00ff7F\n\n0a 0b:0C\nde ad be ef\r\n").stdout,
                         b"00ff7f\n\n0a0b0c\ndeadbeef\n")
        for wrong in (b"0g", b"abc", b"0 1", b"0x00"):
            result = run("--hex", stdin=b"00\n" + wrong + b"\n", status=1)
            self.assertEqual(result.stderr, b"leat ws: line 2 is not sent: it is not hexadecimal\n")

    def test_hex_shows_text_too(self):
        result = run("--hex", "-r", "-n", "1", path="/headers")
        self.assertTrue(bytes.fromhex(result.stdout.decode()).startswith(b"Host: "))

    def test_binary(self):
        self.assertEqual(run("--binary", "-n", "2", stdin=b"\xff\0a\nb\n").stdout, b"\xff\0ab")
        (message,) = [e for e in events(run("-b", "-m", "x", "-n", "1", "--json")) if e["event"] == "message"]
        self.assertEqual((message["type"], message["length"], message["hex"]), ("binary", 1, "78"))

    def test_files(self):
        with tempfile.NamedTemporaryFile() as file:
            content = os.urandom(3000000)
            file.write(content)
            file.flush()
            self.assertEqual(run("-b", "--file", file.name, "-n", "1", stdin=b"not read\n").stdout, content)
            self.assertEqual(run("-b", "-f", file.name, "-m", "and", "-f", file.name, "-n", "3").stdout,
                             content + b"and" + content)
            self.assertEqual(run("-b", "-f", "-", "-n", "1", stdin=content).stdout, content)
        self.assertEqual(run("-f", "-", "-n", "1", stdin=b"").stdout, b"\n")

    def test_a_fifo_is_waited_for_beside_the_connection(self):
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "fifo")
            os.mkfifo(fifo)
            for stream in ([], ["--stream"]):
                with start(*stream, "-m", "first", "-f", fifo, "-n", "2") as process:
                    # Nobody has opened it for writing.
                    self.assertEqual(process.stdout.readline(), b"first\n")
                    with open(fifo, "wb", buffering=0) as writer:
                        for piece in (b"sec", b"ond"):
                            writer.write(piece)
                    self.assertEqual(process.communicate(timeout=TIMEOUT), (b"second\n", b""))
                self.assertEqual(process.returncode, 0)
            run("-f", fifo, "--max-time", "0.2")

    def test_a_file_that_is_too_large(self):
        with tempfile.NamedTemporaryFile() as file:
            file.truncate((16 << 20) + 1)
            result = run("-b", "-f", file.name, status=2)
            self.assertIn(b"--stream sends any size", result.stderr)
        self.assertIn(b"--stream sends any size", run("-b", "-f", "-", stdin=bytes(17 << 20), status=1).stderr)

    def test_stream(self):
        content = os.urandom(1000000)
        for arguments in ([], ["--compress"]):
            self.assertEqual(run("--stream", "-b", "-n", "1", *arguments, stdin=content).stdout, content)
        text = "zwölf ".encode() * 100000  # characters lie across the ends of parts
        self.assertEqual(run("--stream", "-n", "1", stdin=text).stdout, text + b"\n")
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self.assertEqual(run("--stream", "-b", "-n", "1", "-f", file.name).stdout, content)

    def test_stream_sends_as_it_reads(self):
        process = start("--stream", "--trace", "-n", "1")
        process.stdin.write(b"first")
        process.stdin.flush()
        seen = b""
        while b"> text         fin=0" not in seen:
            seen += process.stderr.readline()
        process.stdin.write(b"second")
        output, seen = process.communicate(timeout=TIMEOUT)
        self.assertEqual(output, b"firstsecond\n")
        self.assertIn(b"> continuation fin=1", seen)
        self.assertEqual(process.returncode, 0)

    def test_count(self):
        self.assertEqual(run("-r", "-n", "3", path="/flood?count=1000&size=2").stdout, b"\0\0\n" * 3)
        result = run("-m", "x", "-n", "2", "--linger", at_least(0.1), status=9)
        self.assertEqual((result.stdout, result.stderr), (b"x\n", b"leat ws: only 1 of 2 messages came\n"))

    def test_linger(self):
        """What comes late is printed as long as the last thing was not so long ago."""
        self.assertEqual(run("--linger", "200", "--close", "1000", stdin=b"x\n", path="/close?code=1000").stdout, b"")
        self.assertEqual(run("--linger", at_least(0.5), stdin=b"x\n").stdout, b"x\n")

    def test_linger_ends_though_the_server_goes_on_talking(self):
        def talk(connection):
            peer.upgrade(connection)
            frames = b""
            while frames[:1] != b"\x88":  # all are shorter than 126 bytes
                connection.sendall(b"\x81\x04tick")
                if select.select([connection], [], [], 0.05)[0]:
                    frames += connection.recv(65536)
                while len(frames) > 1 and frames[:1] != b"\x88" and len(frames) >= 6 + (frames[1] & 127):
                    frames = frames[6 + (frames[1] & 127):]
            connection.sendall(b"\x88\x02\x03\xe8")

        with peer.listener(talk) as port:
            for stdin, arguments in ((b"", ["-m", "x"]), (b"one\ntwo\n", []), (b"s" * 100, ["--stream"])):
                result = run("--linger", "300ms", *arguments, stdin=stdin, url=f"ws://127.0.0.1:{port}/")
                self.assertIn(b"tick\ntick\n", result.stdout)

    def test_a_server_that_hangs_up_instead_of_answering_the_close(self):
        def serve(connection):
            peer.upgrade(connection)
            connection.recv(4096)  # the Close frame
        with peer.listener(serve) as port:
            url = f"ws://127.0.0.1:{port}/"
            self.assertEqual(run(url=url).stderr, b"")
            self.assertIn(b"hung up and did not answer the Close frame", run("--verbose", url=url).stderr)
            closed = events(run("--json", url=url))[-1]
            self.assertEqual((closed["code"], closed["error"]["code"]), (1006, 200))
            result = run("-n", "1", "--linger", at_least(1), url=url, status=9)
            self.assertIn(b"only 0 of 1 messages came", result.stderr)

    def test_linger_waits_until_all_is_sent(self):
        content = os.urandom(8 << 20)
        self.assertEqual(run("--linger", at_least(0.5), "-b", "-f", "-", stdin=content).stdout, content)

    def test_json_has_nothing_that_acts_upon_a_terminal(self):
        unsafe = [*range(0x20), *range(0x7f, 0xa0), 0x61c, 0x200e, 0x200f, *range(0x2028, 0x202f), *range(0x2066, 0x206a),
                  0xfeff, *range(0xfff9, 0xfffc)]
        text = "".join(map(chr, unsafe)) + "a\u00a0\u202f\u2065\u206a\u4e2d\U0001f600"
        output = run("-m", text.replace("\0", ""), "-n", "1", "--json").stdout.decode("utf-8")
        self.assertEqual([c for c in output if ord(c) in unsafe and c != "\n"], [])
        (message,) = [e for e in map(json.loads, output.splitlines()) if e["event"] == "message"]
        self.assertEqual(message["text"], text.replace("\0", ""))

    def test_receive_only(self):
        process = start("-r", path="/flood?count=2&size=1", stdin=None)
        self.assertEqual(process.stdout.read(4), b"\0\n\0\n")
        process.terminate()
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0)

    def test_max_message(self):
        result = run("-r", "--max-message", "99", "--json", path="/flood?count=1&size=100", status=9)
        self.assertEqual(events(result)[-1]["code"], 1009)


class Connection(unittest.TestCase):
    def headers(self, *arguments):
        return run("-r", "-n", "1", *arguments, path="/headers").stdout.decode().splitlines()

    def test_user_agent(self):
        def agents(*arguments):
            return [line for line in self.headers(*arguments) if line.lower().startswith("user-agent:")]
        version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        self.assertEqual(agents(), [f"User-Agent: leat/{version}"])
        self.assertEqual(agents("-A", "mine/1"), ["User-Agent: mine/1"])
        self.assertEqual(agents("--user-agent="), [])
        self.assertEqual(agents("-H", "user-agent: own/2", "-A", "mine/1"), ["user-agent: own/2"])

    def test_headers(self):
        lines = self.headers("-H", "X-One: 1", "--header=X-Two:2", "-HX-One: again")
        self.assertIn("X-One: 1", lines)
        self.assertIn("X-Two: 2", lines)
        self.assertIn("X-One: again", lines)

    def test_user(self):
        for user, value in (("user:pass", "dXNlcjpwYXNz"), ("a:", "YTo="), ("é:x:y", "w6k6eDp5")):
            self.assertIn(f"Authorization: Basic {value}", self.headers("-u", user))

    def test_subprotocols(self):
        self.assertIn("Sec-WebSocket-Protocol: chat, superchat", self.headers("-s", "chat", "--subprotocol", "superchat"))

    def test_compress(self):
        self.assertIn("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", self.headers("--compress"))
        opened, *_ = events(run("-z", "-m", "x", "-n", "1", "--json"))
        self.assertTrue(opened["compressed"])

    def test_ping(self):
        result = run("--ping=20ms", "-r", "--json", "--linger", at_least(1), "-n", "1", "--verbose", path="/ping?payload=x")
        self.assertEqual(result.returncode, 0)
        process = start("--ping=20ms", "--json")
        pongs = 0
        while pongs < 3:
            event = json.loads(process.stdout.readline())
            if event["event"] == "pong":
                pongs += 1
                self.assertGreater(event["round_trip_ms"], 0)
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0)

    def test_close(self):
        (*_, closed) = events(run("-m", "x", "-n", "1", "--close", "4001:so long", "--trace", "--json"))
        self.assertEqual((closed["by"], closed["code"]), ("local", 4001))

    def test_verbose(self):
        lines = run("-v", "-m", "x", "-n", "1").stderr.decode().splitlines()
        self.assertEqual(lines[0], f"leat ws: connecting to {server.url()}")
        self.assertEqual(lines[1], f"leat ws: connected to 127.0.0.1:{server.port}")

    def test_trace(self):
        text = run("--trace", "-m", "hello", "-n", "1").stderr.decode()
        shown = [re.sub(r"^ +\d+\.\d{3} ms  ", "", line) for line in text.splitlines()]
        where = f"127.0.0.1:{server.port}"
        self.assertEqual(shown, [
            f"* tcp          {where}  {where}",
            f"* websocket    {where}  HTTP 101",
            "> text         fin=1 rsv=0 masked=1 length=5",
            "< text         fin=1 rsv=0 masked=0 length=5",
            "> close        fin=1 rsv=0 masked=1 length=2",
            "< close        fin=1 rsv=0 masked=0 length=2",
            f"* close        {where}"])

    def test_reconnect(self):
        answered = []

        def serve(connection):
            answered.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

        with peer.listener(serve) as port:
            result = run("--reconnect=2", "-r", "--json", url=f"ws://127.0.0.1:{port}", status=8)
        self.assertEqual(len(answered), 3)
        self.assertEqual([event["event"] for event in events(result)],
                         ["closed", "reconnect", "closed", "reconnect", "closed"])
        self.assertEqual([event["attempt"] for event in events(result) if event["event"] == "reconnect"], [1, 2])

    def test_no_reconnect_where_it_cannot_help(self):
        result = run("--reconnect", "-r", "--json", path="/status?code=403", status=8)
        self.assertEqual([event["event"] for event in events(result)], ["closed"])

    def test_a_body_says_why(self):
        self.assertIn(b"\n  body:    no\n", run("-r", path="/status?code=403", status=8).stderr)


class Json(unittest.TestCase):
    def test_events(self):
        found = events(run("--json", "--trace", "-n", "2", "-s", "a", stdin='plain\n"\\\x01\x7f é 😀\n'.encode()))
        self.assertEqual([e["event"] for e in found if e["event"] not in ("frame", "sent", "phase")],
                         ["open", "message", "message", "closed"])
        opened = next(e for e in found if e["event"] == "open")
        self.assertEqual((opened["url"], opened["peer"]), (server.url(), f"127.0.0.1:{server.port}"))
        self.assertIn(["Upgrade", "websocket"], opened["headers"])
        self.assertEqual([e["text"] for e in found if e["event"] == "message"], ["plain", '"\\\x01\x7f é 😀'])
        self.assertEqual([e["length"] for e in found if e["event"] == "sent"], [5, 12])
        frames = [(e["direction"], e["opcode"], e["fin"], e["masked"], e["length"])
                  for e in found if e["event"] == "frame"]
        self.assertEqual(sorted(frames), sorted([
            ("sent", "text", True, True, 5), ("sent", "text", True, True, 12),
            ("received", "text", True, False, 5), ("received", "text", True, False, 12),
            ("sent", "close", True, True, 2), ("received", "close", True, False, 2)]))
        self.assertEqual([e["name"] for e in found if e["event"] == "phase"], ["tcp", "websocket", "close"])
        self.assertEqual(found[-1]["error"], None)

    def test_failure(self):
        port = peer.closed_port()
        (closed,) = events(run("--json", url=f"ws://127.0.0.1:{port}", status=4))
        self.assertEqual(closed["event"], "closed")
        error = closed["error"]
        self.assertEqual((error["code"], error["errno_name"], error["layer"], error["hop"]),
                         (2301111, "ECONNREFUSED", "tcp", f"127.0.0.1:{port}"))
        self.assertEqual((error["name"], error["message"]), ("LEAT_E_SOCKET_ECONNREFUSED", "Connection refused."))


class Endings(unittest.TestCase):
    """The exit status for each class of failure, by real ones."""

    def test_dns(self):
        result = run("-r", "--dns", "127.0.0.1:1", "--timeout", "5", url="ws://nowhere.invalid/", status=3)
        self.assertIn(b"nowhere.invalid", result.stderr)

    def test_tcp(self):
        self.assertIn(b"2301111", run(url=f"ws://127.0.0.1:{peer.closed_port()}", status=4).stderr)

    def test_proxy(self):
        proxy = f"127.0.0.1:{peer.closed_port()}"
        self.assertIn(b"2301206", run("--proxy", f"socks5h://{proxy}", status=5).stderr)
        run("--proxy", f"http://{proxy}", status=5)

        def refuse(connection):
            connection.recv(100)
            connection.sendall(b"\x05\xff")

        with peer.listener(refuse) as port:
            self.assertIn(b"2301209", run("-x", f"socks5://127.0.0.1:{port}", status=5).stderr)

        def forbid(connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

        with peer.listener(forbid) as port:
            run("-x", f"http://127.0.0.1:{port}", status=5)

    def test_tls(self):
        result = run(url=server.url(scheme="wss"), status=6)  # it speaks plain HTTP
        self.assertIn(b"layer:   tls", result.stderr)

    def test_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
            secure = peer.Server("--cert", f"{folder}/cert.pem", "--key", f"{folder}/key.pem")
            self.addCleanup(secure.stop)
            url = secure.url(scheme="wss")
            self.assertIn(b"2303504", run(url=url, status=7).stderr)
            message = ["-m", "x", "-n", "1"]
            self.assertEqual(run(*message, "--ca", f"{folder}/cert.pem", url=url).stdout, b"x\n")
            self.assertEqual(run(*message, "--insecure", url=url).stdout, b"x\n")
            self.assertEqual(run(*message, "-k", "--tls-min", "1.3", url=url).stdout, b"x\n")
            run(*message, "-k", "--keylog", f"{folder}/keys", "--tls-max=1.2", url=url)
            with open(f"{folder}/keys") as keys:
                self.assertTrue(keys.read().startswith("CLIENT_RANDOM "))

    def test_an_address_that_a_certificate_has_as_a_dns_name(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2", "-subj",
                            "/CN=127.0.0.1", "-addext", "subjectAltName=DNS:localhost,DNS:127.0.0.1"], check=True,
                           capture_output=True)
            secure = peer.Server("--cert", f"{folder}/cert.pem", "--key", f"{folder}/key.pem")
            self.addCleanup(secure.stop)
            said = run("--ca", f"{folder}/cert.pem", url=secure.url(scheme="wss"), status=7).stderr
            self.assertIn(b"host name mismatch (wanted the address 127.0.0.1, which the certificate has as a DNS name "
                          b"and not as an IP address)", said)

    def test_refused(self):
        self.assertIn(b"404", run("-r", path="/status?code=404", status=8).stderr)

    def test_timeout(self):
        with peer.listener(lambda connection: connection.recv(1) and connection.recv(1 << 20) and connection.recv(1)) as port:
            run("--timeout", at_least(0.1), url=f"ws://127.0.0.1:{port}", status=8)

    def test_closed_by_the_server(self):
        for code, status in ((1000, 0), (1001, 0), (1011, 9), (4000, 9)):
            with self.subTest(code):
                result = run("-r", "--json", path=f"/close?code={code}&reason=because", status=status)
                closed = events(result)[-1]
                self.assertEqual((closed["by"], closed["code"], closed["reason"]), ("remote", code, "because"))
                self.assertEqual(b"closed by the server: %d because\n" % code in result.stderr, status != 0)

    def test_reason_does_not_act_upon_the_terminal(self):
        result = run("-r", path="/close?code=4000&reason=%1b%5b31mred%07", status=9)
        self.assertEqual(result.stderr, b"leat ws: closed by the server: 4000 ?[31mred?\n")

    def test_reason_with_nuls(self):
        result = run("-r", "--json", path="/close?code=4000&reason=a%00b%00", status=9)
        self.assertEqual(events(result)[-1]["reason"], "a\0b\0")
        self.assertEqual(result.stderr, b"leat ws: closed by the server: 4000 a?b?\n")

    def test_broken(self):
        process = subprocess.Popen(["/usr/bin/python3", peer.SERVER], stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.DEVNULL)
        port = process.stdout.readline().split()[1]
        client = subprocess.Popen([PROGRAM, "ws", f"ws://127.0.0.1:{port}/echo"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=peer.environment())
        client.stdin.write(b"x\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), b"x\n")
        process.kill()
        process.communicate()
        _, said = client.communicate(timeout=TIMEOUT)
        self.assertEqual(client.returncode, 9, said)

    def test_usage(self):
        self.assertEqual(run("--nonsense", status=2).stdout, b"")


class Faults(unittest.TestCase):
    """The same with `leat serve`, which goes wrong at each step as told."""

    def check(self, status, code, served, *arguments, proxy=False, trusts=True):
        with peer.served(PROGRAM, *served) as (address, ca):
            url = server.url() if proxy else address
            options = ["--proxy", address] if proxy else ["--ca", ca] if ca and trusts else []
            result = run("-m", "hello", "-n", "1", "--json", "--timeout", "200", *options, *arguments, url=url,
                         status=status)
            closed = events(result)[-1]
        self.assertEqual(closed["error"] and closed["error"]["code"], code, closed)
        return closed

    def test_socks5(self):
        for fault, code in (("method=05,FF", 2301209), ("method=05,09", 2301209), ("method=04,00", 2301213),
                            ("method=close", 2301211), ("reply=refuse 5", 2301208), ("reply=05,01,00,01;then=close", 2301208),
                            ("reply=truncate 3;then=close", 2301213), ("reply=close", 2301211),
                            ("greeting=reset", 2301211), ("reply=split 1", None)):
            with self.subTest(fault):
                self.check(5 if code else 0, code, ["socks5", "--fault", fault], proxy=True)

    def test_socks5_password(self):
        with peer.served(PROGRAM, "socks5", "--user", "a:right") as (address, _):
            for word, status in ("right", 0), ("wrong", 5):
                proxy = address.replace("a:right@", f"a:{word}@")
                result = run("-m", "x", "-n", "1", "--proxy", proxy, status=status)
                self.assertEqual(b"2301207" in result.stderr, status == 5)
                self.assertNotIn(b"wrong@", result.stderr)

    def test_connect(self):
        self.check(5, 200, ["connect", "--fault", "reply=refuse 403"], proxy=True)
        self.check(5, 200, ["connect", "--fault", "reply=close"], proxy=True)
        self.check(0, None, ["connect", "--fault", "reply=split 1"], proxy=True)

    def test_certificates(self):
        self.check(0, None, ["echo", "--tls"])
        self.check(7, 2303504, ["echo", "--tls"], trusts=False)
        for fault in "expired", "not-yet-valid", "wrong-host", "self-signed", "unknown-ca", "wrong-usage":
            with self.subTest(fault):
                self.check(7, 2303504, ["echo", "--cert-fault", fault])
        self.check(0, None, ["echo", "--cert-fault", "expired"], "--insecure")

    def test_tls(self):
        self.check(6, 2303501, ["echo", "--tls", "--tls-min", "1.3"], "--tls-max", "1.2")
        self.check(6, 2303505, ["echo", "--tls", "--fault", "accept=close"])

    def test_upgrade(self):
        for fault in ("upgrade=refuse 401", "upgrade=close", "upgrade=\"HTTP/1.1 200 OK\\r\\n\\r\\n\";then=close",
                      "upgrade=truncate 20;then=close"):
            with self.subTest(fault):
                self.check(8, 200, ["echo", "--fault", fault])

    def test_open_connection(self):
        for fault, code in (("message=close", 200), ("message=reset", 2301104), ("message=truncate 1;then=close", 200)):
            with self.subTest(fault):
                closed = self.check(9, code, ["echo", "--fault", fault])
                self.assertEqual(closed["code"], 1006)
        closed = self.check(9, None, ["echo", "--fault", "message=88,02,03,f3"])
        self.assertEqual((closed["by"], closed["code"]), ("remote", 1011))
        closed = self.check(9, 200, ["echo", "--fault", "message=83,00"])  # a reserved opcode
        self.assertEqual((closed["code"], closed["error"]["violation"]), (1002, 1002))


class BadInput(unittest.TestCase):
    def test_text_that_is_not_utf8(self):
        result = run("--linger", "5", stdin=b"well\n\xff\nnever sent\n", status=1)
        self.assertEqual(result.stderr, b"leat ws: line 2 is not sent: it is not UTF-8, which text messages are; "
                                        b"--binary sends any bytes\n")
        self.assertNotIn(b"never", result.stdout)
        self.assertIn(b"not UTF-8", run("-f", "-", stdin=b"\xc3", status=1).stderr)
        self.assertIn(b"not UTF-8", run("--stream", stdin=b"\xc3", status=1).stderr)

    def test_a_line_without_end(self):
        """Is refused long before it ends, and so held in bounded memory."""
        process = start()
        written = 0
        try:
            for _ in range(4096):
                written += process.stdin.write(bytes(b"a") * (1 << 20))
        except BrokenPipeError:
            pass
        said = process.stderr.read()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait(TIMEOUT)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(said, b"leat ws: line 1 is longer than 16 MiB; --stream sends any length in parts\n")
        self.assertEqual(process.returncode, 1)
        self.assertLess(written, 64 << 20)

    def test_a_reader_that_has_seen_enough(self):
        """As any filter: the process ends by SIGPIPE, says nothing, and has closed the connection properly."""
        process = start("-r", path="/flood?count=100000&size=1000")
        self.assertEqual(process.stdout.read(10), bytes(10))
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")
        self.assertEqual(process.wait(TIMEOUT), -signal.SIGPIPE)
        process.stdin.close()
        process.stderr.close()

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([PROGRAM, "ws", server.url(), "-m", "x"], stdout=full, stderr=subprocess.PIPE,
                                    stdin=subprocess.DEVNULL, timeout=TIMEOUT, env=peer.environment())
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, b"leat ws: cannot write the output: No space left on device\n")

    def test_standard_input_is_a_directory(self):
        folder = os.open("/", os.O_RDONLY)
        self.addCleanup(os.close, folder)
        process = start(stdin=folder)
        _, said = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, said), (1, b"leat ws: cannot read the input: Is a directory\n"))

    def test_standard_input_is_closed(self):
        process = subprocess.run(f"{PROGRAM} ws {server.url()} -n 1 <&-", shell=True, capture_output=True,
                                 timeout=TIMEOUT, env=peer.environment())
        self.assertIn(b"cannot read the input: Bad file descriptor", process.stderr)
        self.assertEqual(process.returncode, 1)

    def test_backpressure(self):
        """A server that does not read: what is held does not grow with what is sent."""
        process = start("--json", path="/mute", stdout=subprocess.DEVNULL)
        os.set_blocking(process.stdin.fileno(), False)
        line = b"x" * 1023 + b"\n"
        written = 0
        while written < 400 << 20 and select.select([], [process.stdin], [], 1)[1]:
            written += os.write(process.stdin.fileno(), line * 64)
        self.assertLess(written, 100 << 20)
        process.kill()
        process.communicate()


class Signals(unittest.TestCase):
    def opened(self, *arguments, url=None):
        process = start("--verbose", *arguments, url=url)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        while b"connected" not in process.stderr.readline():
            self.assertIsNone(process.poll())
        return process

    def test_an_interrupt_closes_properly(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            process = self.opened("--json")
            process.send_signal(number)
            closed = [json.loads(line) for line in process.stdout][-1]
            self.assertEqual(process.wait(TIMEOUT), 0)
            self.assertEqual((closed["event"], closed["by"], closed["code"]), ("closed", "local", 1000))

    def test_a_second_interrupt_ends_at_once(self):
        """The server does not answer the Close; where the second comes after its deadline of 5 s, once more."""
        closing = threading.Event()

        def serve(connection):
            peer.upgrade(connection)
            connection.recv(2, socket.MSG_WAITALL)
            closing.set()
            while connection.recv(4096):
                pass

        with peer.listener(serve) as port:
            for _ in range(5):
                closing.clear()
                process = self.opened("--json", url=f"ws://127.0.0.1:{port}")
                process.send_signal(signal.SIGINT)
                self.assertTrue(closing.wait(TIMEOUT))
                process.send_signal(signal.SIGINT)
                if process.wait(TIMEOUT) != 0:
                    break
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_an_interrupt_while_connecting(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            process = subprocess.Popen([PROGRAM, "ws", f"ws://127.0.0.1:{silent.getsockname()[1]}"],
                                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=peer.environment())
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, said), (-signal.SIGINT, b""))


if __name__ == "__main__":
    unittest.main()
