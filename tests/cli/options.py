#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Options that hands expect from other tools: what each does, its other names, and what is said when it is wrong.

usage: options.py PROGRAM     PROGRAM is the tool `leat`
"""
import base64
import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import check_peers as peers
import peer
from mistake_peers import Says, http
from patience import at_least, patience

PROGRAM = peer.program()


def setUpModule():
    global folder
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    folder = directory.name


def written(name, content):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    return path


class Case(unittest.TestCase):
    maxDiff = None

    def run_tool(self, *arguments, stdin=b"", status=0, **variables):
        result = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, timeout=patience(20),
                                env=peer.environment(**variables))
        self.assertEqual(result.returncode, status, result)
        return result

    def serve(self, *arguments):
        server = peers.Serve(PROGRAM, *arguments)
        self.addCleanup(server.close)
        return server

    def report(self, *arguments, status=0):
        return json.loads(self.run_tool("check", "--json", *arguments, status=status).stdout)

    def wrong(self, *arguments):
        result = self.run_tool(*arguments, status=2)
        self.assertEqual(result.stdout, b"")
        return result.stderr.decode().splitlines()[0]

    def request(self, *arguments, to=""):
        """The head that a server, or with `to` a proxy, gets."""
        heard = []

        def serve(connection):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            heard.append(head.decode().split("\r\n"))
            connection.sendall(http("400 Bad Request"))

        with peer.listener(serve) as port:
            where = ["-x", f"http://127.0.0.1:{port}", to] if to else [f"ws://127.0.0.1:{port}/"]
            self.run_tool("check", *where, *arguments, status=5 if to else 8)
        return heard[0]


class Addresses(Case):
    def test_resolve(self):
        server = self.serve("echo", "--tls", "--cert-hosts", "far.test")
        for addresses in ("127.0.0.1", "[::1],127.0.0.1"):
            report = self.report("--ca", server.ca, "--resolve", f"far.test:{server.port}:{addresses}",
                                 f"wss://FAR.test:{server.port}/")
            self.assertNotIn("dns", [phase["name"] for phase in report["phases"]])
        self.report("--ca", server.ca, "--resolve", "far.test:*:127.0.0.1", f"wss://far.test:{server.port}/")
        other = self.report("--ca", server.ca, "--resolve", f"far.test:1:127.0.0.1", "--dns", "127.0.0.1:1", "--timeout",
                            at_least(0.5), f"wss://far.test:{server.port}/", status=3)
        self.assertEqual(other["failed_phase"], "dns", "another port is not meant")

    def test_resolve_for_a_proxy(self):
        server = self.serve("echo")
        proxy = self.serve("socks5", "--resolve", "*=")  # it knows no name
        self.report("-x", proxy.url, f"ws://far.test:{server.port}/", status=5)
        self.report("-x", proxy.url, "--resolve", f"far.test:{server.port}:127.0.0.1", f"ws://far.test:{server.port}/")
        connect = self.serve("connect", "--resolve", "*=")
        self.report("-x", connect.url, "--resolve", f"far.test:{server.port}:127.0.0.1", f"ws://far.test:{server.port}/")
        self.report("-x", f"socks5h://proxy.test:{proxy.port}", "--resolve", "proxy.test::127.0.0.1",
                    f"ws://127.0.0.1:{server.port}/")

    def test_connect_to(self):
        server = self.serve("echo", "--tls", "--cert-hosts", "far.test")
        for rule in (f"far.test:443:127.0.0.1:{server.port}", f"::127.0.0.1:{server.port}", f"far.test::127.0.0.1:{server.port}",
                     f":443:localhost:{server.port}"):
            report = self.report("--ca", server.ca, "--connect-to", rule, "wss://far.test/")
            self.assertIn("far.test", report["certificates"][0]["names"])
        plain = self.serve("echo")
        self.report("--connect-to", f"far.test:80:127.0.0.1:{plain.port}", "ws://far.test/")
        proxy = self.serve("socks5")
        self.report("-x", proxy.url, "--connect-to", f"far.test:80:127.0.0.1:{plain.port}", "ws://far.test/")

    def test_the_host_stays_that_of_the_url(self):
        heard = []

        def serve(connection):
            heard.append(connection.recv(4096).decode())
            connection.sendall(http("400 Bad Request"))

        with peer.listener(serve) as port:
            self.run_tool("check", "--connect-to", f"::127.0.0.1:{port}", "ws://far.test:8080/x", status=8)
            self.run_tool("check", "--resolve", f"far.test:{port}:127.0.0.1", f"ws://far.test:{port}/x", status=8)
        self.assertIn("\r\nHost: far.test:8080\r\n", heard[0])
        self.assertIn(f"\r\nHost: far.test:{port}\r\n", heard[1])

    def test_families(self):
        server = self.serve("echo", "--host", "127.0.0.1")
        rule = f"two.test:{server.port}:[::1],127.0.0.1"
        url = f"ws://two.test:{server.port}/"
        for option in ("-4", "--ipv4"):
            report = self.report(option, "--resolve", rule, url)
            self.assertEqual([row["address"] for row in report["addresses"]], [f"127.0.0.1:{server.port}"])
        report = self.report("-6", "--resolve", rule, url, status=4)
        self.assertEqual([row["address"] for row in report["addresses"]], [f"[::1]:{server.port}"])
        report = self.report("-6", f"ws://127.0.0.1:{server.port}/", status=4)
        self.assertIn("no IPv6 address", report["error"]["text"])

    def test_interface(self):
        server = self.serve("echo")
        self.report("--interface", "127.0.0.2", server.url)
        self.report("--interface", "lo", server.url)
        report = self.report("--interface", "192.0.2.7", server.url, status=4)
        self.assertEqual(report["error"]["errno_name"], "EADDRNOTAVAIL")
        self.assertTrue(any("ip address" in line for line in report["remedies"]), report["remedies"])
        report = self.report("--interface", "no-such-if", server.url, status=4)
        self.assertEqual(report["error"]["errno_name"], "ENODEV")
        self.assertTrue(any("ip link" in line for line in report["remedies"]), report["remedies"])

    def test_where_a_connection_comes_from(self):
        seen = []

        def serve(connection):
            seen.append(connection.getpeername()[0])
            connection.recv(4096)

        with peer.listener(serve) as port:
            self.run_tool("check", "--interface", "127.0.0.9", f"ws://127.0.0.1:{port}/", status=8)
        self.assertEqual(seen, ["127.0.0.9"])

    def test_unix_socket(self):
        for name in (os.path.join(folder, "ws.sock"), f"@leat-{os.getpid()}"):
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(name.replace("@", "\0"))
                listening.listen(4)
                heard = []

                def serve():
                    connection, _ = listening.accept()
                    with connection:
                        connection.settimeout(patience(10))
                        heard.append(peer.upgrade(connection))
                        frame = connection.recv(100)
                        connection.sendall(b"\x81\x02hi" if frame else b"")
                        connection.recv(100)
                        connection.sendall(b"\x88\x02\x03\xe8")

                thread = threading.Thread(target=serve, daemon=True)
                thread.start()
                result = self.run_tool("ws", "ws://far.test/x", "--unix-socket", name, "-m", "hi", "-n", "1", "--json")
                thread.join(patience(10))
                events = [json.loads(line) for line in result.stdout.splitlines()]
                self.assertEqual([event["event"] for event in events], ["open", "sent", "message", "closed"])
                self.assertEqual(events[0]["peer"], f"unix:{name}")
        missing = os.path.join(folder, "none.sock")
        report = self.report("--unix-socket", missing, "ws://far.test/", status=4)
        self.assertEqual((report["error"]["errno_name"], report["error"]["text"]),
                         ("ENOENT", f"cannot connect to the local socket {missing}: ENOENT (No such file or directory)"))
        self.assertTrue(any("--unix-socket" in line for line in report["remedies"]), report["remedies"])
        report = self.report("--unix-socket", missing, "-x", "socks5h://127.0.0.1:9", "ws://far.test/", status=2)
        self.assertIn("not reached through a proxy", report["error"]["text"])
        self.assertIn("at most 107 bytes", self.wrong("ws", "ws://h", "--unix-socket", "/" + "x" * 107))

    def test_what_is_wrong_names_itself(self):
        for arguments, message in (
                (["--resolve", "h:80"], "--resolve: not of the form HOST:PORT:ADDRESS[,ADDRESS]..."),
                (["--resolve", "h:x:127.0.0.1"], "--resolve: the port: 'x' is not a number"),
                (["--resolve", "h:65536:127.0.0.1"], "--resolve: the port: 65536 is too large, at most 65535 is possible"),
                (["--resolve", "h:80:nonsense"],
                 "--resolve: the addresses are a list of IPv4 or IPv6 addresses, with commas in between"),
                (["--host", "a/b"], '--host: a Host is a name or an address, with ":port" if one is to stand there'),
                (["--connect-to", "a:1:b"], "--connect-to: not of the form HOST:PORT:TO-HOST:TO-PORT"),
                (["--connect-to", "a:1:b:x"], "--connect-to: the port: 'x' is not a number"),
                (["--interface", ""], "--interface: the name of an interface, or an address of this machine"),
                (["--interface", "0123456789abcdef"], "--interface: this is not the name of a network interface"),
                (["-4", "--interface", "::1"], "--interface: the local address is not of the family that is dialled"),
                (["--max-time", "0"], "--max-time: the time cannot be 0"),
                (["--proxy-user", "name"], "--proxy-user: not of the form USER:PASSWORD"),
                (["--proxy-auth", "basic,kerberos"], "--proxy-auth: not of basic, digest, bearer, ntlm, negotiate, none"),
                (["--proxy-auth", ""], "--proxy-auth: not of basic, digest, bearer, ntlm, negotiate, none"),
                (["--socks5-protection", "much"], "--socks5-protection: not one of any, none, integrity, confidentiality"),
                (["--proxy-service-name", "a/b"], "--proxy-service-name: the name of a proxy's service has no '@', '/', space "
                 "or control character: it is what stands before them"),
                (["--proxy-token", f"@{folder}/none"],
                 f"--proxy-token: cannot read {folder}/none: No such file or directory"),
                (["--proxy-header", "Host: x"],
                 "--proxy-header: the header belongs to the request itself: it says where it goes or ends"),
                (["--proxy-header", "nothing"], "--proxy-header: not of the form NAME:VALUE"),
                (["--user", f"@{folder}/none"], f"--user: cannot read {folder}/none: No such file or directory"),
                (["-x", f"@{folder}/none"], f"-x: cannot read {folder}/none: No such file or directory"),
                (["--origin", "a\r\nb"], "--origin: the header's value holds CR or LF")):
            with self.subTest(arguments):
                self.assertEqual(self.wrong("ws", "ws://h", *arguments), f"leat ws: {message}")


class Requests(Case):
    def test_headers(self):
        head = self.request("--origin", "https://app.test", "--user-agent", "mine/1", "-u", "me:a:b")
        self.assertIn("Origin: https://app.test", head)
        self.assertIn("User-Agent: mine/1", head)
        self.assertIn("Authorization: Basic " + base64.b64encode(b"me:a:b").decode(), head)

    def test_secrets_from_files(self):
        head = self.request("--user", "@" + written("user.txt", "me:from file\n"))
        self.assertIn("Authorization: Basic " + base64.b64encode(b"me:from file").decode(), head)
        head = self.request("--proxy-user", "@" + written("proxy.txt", "p:w\r\n"), "--proxy-basic-preemptive",
                            to="ws://server.test/")
        self.assertIn("Proxy-Authorization: Basic " + base64.b64encode(b"p:w").decode(), head)
        proxy = self.serve("socks5", "-u", "user:s/e:c@ret")
        url = written("url.txt", f"socks5h://user:s%2Fe%3Ac%40ret@127.0.0.1:{proxy.port}\n")
        server = self.serve("echo")
        self.report("-x", "@" + url, server.url)

    def test_proxy_credentials_are_not_escaped(self):
        server = self.serve("echo")
        proxy = self.serve("socks5", "-u", "user:s/e:c@ret%")
        to = f"socks5h://127.0.0.1:{proxy.port}"
        self.report("-x", to, "--proxy-user", "user:s/e:c@ret%", server.url)
        self.report("--proxy-user", "user:s/e:c@ret%", "-x", to, server.url)
        report = self.report("-x", to, "--proxy-user", "user:other", server.url, status=5)
        self.assertEqual(report["error"]["code"], 2301207)
        report = self.report("-x", to, "--proxy-user", "u" * 256 + ":x", server.url, status=2)
        self.assertEqual(report["error"]["code"], 2301212)
        report = self.report("-x", f"socks5h://user:wrong@127.0.0.1:{proxy.port}", "--proxy-user", "user:s/e:c@ret%",
                             server.url, status=5)
        self.assertEqual(report["error"]["code"], 2301207, "those of the URL come first")

    def test_proxies_get_nothing_unasked(self):
        head = self.request("--proxy-user", "p:w", "--proxy-token", "t0ken", to="ws://server.test/")
        self.assertEqual([line for line in head if "Authorization" in line], [])

    def test_proxy_auth(self):
        server = self.serve("echo")
        proxy = self.serve("connect", "-u", "user:secret")
        arguments = ["-x", f"http://user:secret@127.0.0.1:{proxy.port}", server.url]
        for schemes in ("basic", "Digest,BASIC", "bearer,basic,digest"):
            self.report("--proxy-auth", schemes, *arguments)
        for schemes in ("none", "digest,bearer"):
            report = self.report("--proxy-auth", schemes, *arguments, status=5)
            self.assertEqual(report["error"]["native_code"], 407)
            self.assertIn("Basic is not allowed by the program", report["error"]["text"])

    def test_proxy_token(self):
        heard = []

        def serve(connection):
            stream = connection.makefile("rb")
            for answer in ("407 Who\r\nProxy-Authenticate: Bearer\r\nContent-Length: 0", "403 No\r\nContent-Length: 0"):
                head = list(iter(lambda: stream.readline().decode().strip(), ""))
                heard.append([line for line in head if "Authorization" in line])
                connection.sendall(f"HTTP/1.1 {answer}\r\n\r\n".encode())

        with peer.listener(serve) as port:
            self.run_tool("check", "-x", f"http://127.0.0.1:{port}", "ws://server.test/", "--proxy-token",
                          "@" + written("token.txt", "t0ken\n"), status=5)
        self.assertEqual(heard, [[], ["Proxy-Authorization: Bearer t0ken"]])

    def test_proxy_header(self):
        head = self.request("--proxy-header", "X-Team: blue", "--proxy-header", "User-Agent: other", to="ws://server.test/")
        self.assertIn("X-Team: blue", head)
        self.assertEqual([line for line in head if line.startswith("User-Agent")], ["User-Agent: other"])


class Names(Case):
    def test_names_of_other_tools(self):
        server = self.serve("echo", "--tls")
        for arguments in (["--cacert", server.ca], ["--cafile", server.ca], ["--no-check"], ["-k"]):
            self.report(*arguments, server.url)
        plain = self.serve("echo")
        result = self.run_tool("ws", plain.url, "--execute", "hello", "--wait", "5", "-n", "1")
        self.assertEqual(result.stdout, b"hello\n")
        self.report("--connect-timeout", "10", "--max-redirs", "2", "--compressed", "--header", "A: b", plain.url)
        head = self.request("--auth", "a:b")
        self.assertIn("Authorization: Basic " + base64.b64encode(b"a:b").decode(), head)

    def test_they_are_in_the_help(self):
        text = " ".join(self.run_tool("ws", "--help-all").stdout.decode().split())
        for alias in ("--cacert", "--execute", "--no-check", "--connect-timeout"):
            self.assertIn(alias, text)

    def test_suggestions_look_at_the_meaning(self):
        for typed, meant in (("--bind", "interface"), ("--socks5-hostname", "proxy"), ("--cookie", "header"),
                             ("--location", "redirects"), ("--password", "user"), ("--keepalive", "ping"),
                             ("--retry", "reconnect"), ("--data", "message"), ("--debug", "trace"),
                             ("--no-verify", "insecure"), ("--cacrt", "ca"), ("--capath", "ca")):
            with self.subTest(typed):
                self.assertEqual(self.wrong("ws", typed, "ws://h"), f"leat ws: unknown option {typed}; did you mean --{meant}?")

    def test_a_url_is_a_command(self):
        server = self.serve("echo")
        result = self.run_tool(server.url, "-m", "hi", "-n", "1")
        self.assertEqual(result.stdout, b"hi\n")
        self.assertIn("WSS", self.wrong("WSS://h:x/"))
        self.assertEqual(self.wrong("http://h/"), "leat: unknown command http://h/")
        for group, typed, meant in (("serve", "websocket", "echo"), ("serve", "ws", "echo"), ("serve", "proxy", "socks5"), (None, "websocket", "ws"), (None, "diagnose", "check")):
            words = [group, typed] if group else [typed]
            self.assertTrue(self.wrong(*words).endswith(f"unknown command {typed}; did you mean {meant}?"), words)


class Ws(Case):
    def test_trace_with_payload(self):
        server = self.serve("echo")
        lines = self.run_tool("ws", server.url, "--trace=payload", "-m", "grüße", "-n", "1").stderr.decode().splitlines()
        self.assertIn(" " * 16 + "> grüße", lines)
        self.assertIn(" " * 16 + "< grüße", lines)
        lines = self.run_tool("ws", server.url, "--trace=payload", "--hex", "-m", "00ff10", "-n", "1").stderr.decode().splitlines()
        self.assertIn(" " * 16 + "< 00 ff 10", lines)
        shown = self.run_tool("ws", server.url, "--trace=payload", "-m", "ä" * 100 + "\x1b", "-n", "1").stderr.decode()
        self.assertIn("> " + "ä" * 32 + "... (201 bytes)\n", shown)
        self.assertNotIn("\x1b", shown)
        plain = self.run_tool("ws", server.url, "--trace", "-m", "secret", "-n", "1").stderr
        self.assertNotIn(b"secret", plain)
        self.assertIn("--trace: 'payloda' is unknown; did you mean payload?", self.wrong("ws", "--trace=payloda", "ws://h"))

    def test_ping_and_reconnect_without_a_terminal(self):
        server = peer.Server()
        self.addCleanup(server.stop)
        with subprocess.Popen([PROGRAM, "ws", server.url(), "--ping=20ms"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=peer.environment()) as process:
            self.assertRegex(process.stderr.readline(), rb"^leat ws: pong after \d+\.\d\d\d ms\n$")
            process.stdin.close()
            process.stderr.read()
        quiet = self.run_tool("ws", server.url(), "--ping=20ms", "-q", "-m", "x", "-n", "1")
        self.assertEqual(quiet.stderr, b"")
        result = self.run_tool("ws", f"ws://127.0.0.1:{peer.closed_port()}", "--reconnect=1", "-r", status=4)
        self.assertRegex(result.stderr.decode(), r"(?s)^leat ws: Connection refused\.\n"
                                                 r"leat ws: connecting again in \d+\.\d s, attempt 1\nleat: 2301111 ")

    def test_keep(self):
        """What the first connection did not write comes by the second one, in order and without a gap."""
        lines = [f"{number} " + "x" * 8000 for number in range(1500)]  # 12 MB: more than kernels hold
        received, connections = [], []
        all_queued = threading.Event()

        def read_messages(connection):
            data = b""
            while not received or not received[-1].startswith("1499 "):
                part = connection.recv(1 << 20)
                if not part:
                    return
                data += part
                while len(data) >= 8:
                    length, = struct.unpack(">H", data[2:4])
                    if len(data) < 8 + length:
                        break
                    mask = int.from_bytes(data[4:8] * (length // 4 + 1), "big")
                    size = (length // 4 + 1) * 4
                    plain = (int.from_bytes(data[8 : 8 + length].ljust(size, b"\0"), "big") ^ mask).to_bytes(size, "big")
                    received.append(plain[:length].decode())
                    data = data[8 + length :]

        def serve(connection):
            peer.upgrade(connection)
            connections.append(connection)
            if len(connections) == 1:
                self.assertTrue(all_queued.wait(patience(10)))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            read_messages(connection)
            connection.sendall(b"\x88\x02\x03\xe8")
            connection.recv(100)

        with peer.listener(serve) as port:
            with subprocess.Popen([PROGRAM, "ws", f"ws://127.0.0.1:{port}/", "--reconnect", "--keep",
                                   "--linger", "60", "--json"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, env=peer.environment()) as process:
                writer = threading.Thread(target=lambda: (process.stdin.write("\n".join(lines).encode()), process.stdin.close()))
                writer.start()
                sent = 0
                for event in map(json.loads, process.stdout):
                    sent += event["event"] == "sent"
                    if sent == len(lines):
                        all_queued.set()
                writer.join()
            self.assertEqual(process.returncode, 0)
        self.assertEqual(received, lines[-len(received):], "no gap")
        self.assertGreater(len(received), 300, "kernels hold less")
        self.assertIn("--keep needs --reconnect", self.wrong("ws", "--keep", "ws://h"))
        self.assertIn("so not with --compress", self.wrong("ws", "--keep", "--reconnect", "-z", "ws://h"))

    def test_max_time(self):
        server = self.serve("echo")
        self.run_tool("ws", server.url, "-r", "--max-time", at_least(0.2))
        silent = Says(end="stay")
        self.addCleanup(silent.close)
        url = f"ws://127.0.0.1:{silent.port}/"
        result = self.run_tool("ws", url, "-r", "--max-time", at_least(0.2), status=8)
        self.assertIn(b"no response head within", result.stderr)


if __name__ == "__main__":
    unittest.main()
