#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat serve`: what it prints, who can use it, how it goes wrong on demand, how it ends.

usage: serve.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from patience import patience

PROGRAM = None
TIMEOUT_S = patience(10)
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR")}
KINDS = ("socks5", "connect", "echo")


def setUpModule():
    """The certificates of all servers are made in one folder, where nothing may be left."""
    folder = tempfile.TemporaryDirectory()
    ENVIRONMENT["TMPDIR"] = folder.name

    def check_and_remove():
        left = os.listdir(folder.name)
        folder.cleanup()
        assert not left, left
    unittest.addModuleCleanup(check_and_remove)


def run(*arguments, **options):
    """Runs the tool to its end."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, check=False, **options)


class Serve:
    """`leat serve` in the background, with pipes."""

    def __init__(self, *arguments, **options):
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        self.process = subprocess.Popen([PROGRAM, "serve", *arguments], text=True, env=ENVIRONMENT, **streams)
        self.url = self.process.stdout.readline().rstrip("\n") if self.process.stdout else ""
        self.ca = self.crl = None

    def read_paths(self, crl=False):
        self.ca = self.path_of("ca: ")
        if crl:
            self.crl = self.path_of("crl: ")
        return self

    def path_of(self, prefix):
        line = self.process.stdout.readline()
        assert line.startswith(prefix), line
        return line[len(prefix):].rstrip("\n")

    @property
    def port(self):
        return int(re.search(r":(\d+)/?$", self.url)[1])

    def end(self, signal_number=signal.SIGTERM):
        """Ends it, and returns the status and what it wrote besides."""
        if signal_number:
            self.process.send_signal(signal_number)
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, out, err

    def clean_up(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self.process.wait(TIMEOUT_S)


class ServeTest(unittest.TestCase):
    def serve(self, *arguments, **options):
        server = Serve(*arguments, **options)
        self.addCleanup(server.clean_up)
        return server

    def wss(self, *arguments):
        return self.serve("echo", "--tls", *arguments).read_paths(crl="revoked" in arguments)

    def check(self, url, *arguments):
        """`leat check --json`: the exit status and the code."""
        done = run("check", "--json", url, *arguments)
        report = json.loads(done.stdout)
        return done.returncode, (report.get("error") or {}).get("code", 0), report

    def works(self, url, *arguments):
        status, code, report = self.check(url, *arguments)
        self.assertEqual((status, code), (0, 0), report)
        self.assertEqual(report["websocket"]["echo"], "returned", report)
        return report

    def fails(self, code, url, *arguments):
        _, found, report = self.check(url, *arguments)
        self.assertEqual(found, code, report.get("error"))
        return report

    def ends_well(self, server, signal_number=signal.SIGTERM):
        self.assertEqual(server.end(signal_number), (0, "", ""))


class FirstLine(ServeTest):
    def test_is_the_address_as_a_client_takes_it(self):
        for arguments, pattern in (
                (("socks5",), r"socks5h://127\.0\.0\.1:\d+"),
                (("socks5", "--user", "a:b"), r"socks5h://a:b@127\.0\.0\.1:\d+"),
                (("socks5", "-u", "a@b:p w:/"), r"socks5h://a%40b:p%20w%3A%2F@127\.0\.0\.1:\d+"),
                (("socks5", "--host", "0.0.0.0"), r"socks5h://127\.0\.0\.1:\d+"),
                (("connect",), r"http://127\.0\.0\.1:\d+"),
                (("connect", "--tls"), r"https://localhost:\d+"),
                (("echo",), r"ws://127\.0\.0\.1:\d+/"),
                (("echo", "--host", "127.0.0.2"), r"ws://127\.0\.0\.2:\d+/"),
                (("socks4", "--user", "al"), r"socks4a://al@127\.0\.0\.1:\d+"),
                (("http", "--user", "a:b", "--auth", "digest"), r"http://a:b@127\.0\.0\.1:\d+"),
                (("tcp", "--to", "127.0.0.1:1"), r"tcp://127\.0\.0\.1:\d+"),
                (("tcp", "--to", "127.0.0.1:1", "--tls"), r"tls://localhost:\d+"),
                (("udp", "--to", "127.0.0.1:1"), r"udp://127\.0\.0\.1:\d+"),
                (("dns", "-r", "a.test A 127.0.0.1"), r"dns://127\.0\.0\.1:\d+"),
                (("echo", "--tls"), r"wss://localhost:\d+/")):
            with self.subTest(arguments=arguments):
                self.assertRegex(self.serve(*arguments).url, f"^{pattern}$")

    def test_of_a_fixed_port(self):
        first = self.serve("echo")
        self.ends_well(first)
        self.assertEqual(self.serve("echo", "--port", str(first.port)).url, first.url)

    def test_has_no_password_that_came_from_a_file(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("b\nnot this\n")
            file.flush()
            proxy = self.serve("socks5", "--user", "a", "--password-file", file.name, "--log")
        self.assertRegex(proxy.url, r"^socks5h://127\.0\.0\.1:\d+$")
        echo = self.serve("echo")
        self.works(echo.url, "--proxy", f"socks5h://a:b@127.0.0.1:{proxy.port}")
        self.fails(2301207, echo.url, "--proxy", f"socks5h://a:c@127.0.0.1:{proxy.port}")
        status, _, log = proxy.end()
        self.assertEqual(status, 0)
        self.assertRegex(log, r"auth +a\n")

    def test_a_script_can_use_it(self):
        script = """
            "$0" serve echo --until-eof </dev/fd/3 >"$1" & server=$!
            while [ ! -s "$1" ]; do :; done
            "$0" check "$(head -n 1 "$1")" >/dev/null && echo well
            kill "$server" && wait "$server" && echo quiet
        """
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, write_end)
        with tempfile.NamedTemporaryFile() as file:
            done = subprocess.run(["bash", "-c", f"exec 3<&{read_end}; {script}", PROGRAM, file.name],
                                  capture_output=True, text=True, timeout=TIMEOUT_S, pass_fds=[read_end], check=False)
        os.close(read_end)
        self.assertEqual((done.returncode, done.stdout), (0, "well\nquiet\n"), done.stderr)


class Servers(ServeTest):
    def test_every_server_serves(self):
        echo, wss = self.serve("echo"), self.wss()
        self.works(echo.url)
        self.works(wss.url, "--ca", wss.ca)
        for kind in "socks5", "connect":
            plain, closed = self.serve(kind), self.serve(kind, "--user", "a:b")
            for proxy in plain.url, closed.url:
                self.works(echo.url, "--proxy", proxy)
                self.works(wss.url, "--ca", wss.ca, "--proxy", proxy)
        self.fails(2301207, echo.url, "--proxy", f"socks5h://a:c@127.0.0.1:{self.serve('socks5', '-u', 'a:b').port}")

    def test_a_connect_proxy_behind_tls(self):
        echo = self.serve("echo")
        proxy = self.serve("connect", "--tls").read_paths()
        self.works(echo.url, "--proxy", proxy.url, "--proxy-ca", proxy.ca)
        self.works(echo.url, "--proxy", proxy.url, "--proxy-insecure")
        self.fails(2303504, echo.url, "--proxy", proxy.url)
        self.fails(2303504, echo.url, "--proxy", proxy.url, "--ca", proxy.ca)

    def test_the_servers_trust_never_touches_the_proxy(self):
        """--insecure and --ca are for the server: a proxy that nobody trusts does not see its password."""
        echo = self.wss()
        proxy = self.serve("connect", "--cert-fault", "unknown-ca,wrong-host", "--user", "alice:secret", "--log").read_paths()
        through = ["--proxy", proxy.url]
        for options in (["--insecure"], ["--ca", proxy.ca], ["--insecure", "--ca", proxy.ca], ["--proxy-ca", proxy.ca]):
            self.fails(2303504, echo.url, *through, *options)
        self.works(echo.url, *through, "--insecure", "--proxy-insecure")
        self.fails(2303504, echo.url, *through, "--proxy-insecure")
        status, _, log = proxy.end()
        self.assertEqual(status, 0)
        heads = re.findall(r"#(\d+) head ", log)
        self.assertEqual(list(dict.fromkeys(heads)), ["5", "6"], log)

    def test_a_proxy_that_asks_for_a_certificate(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        cert, key = f"{folder.name}/client.pem", f"{folder.name}/client.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=client", "-keyout", key, "-out", cert], check=True, capture_output=True)
        echo = self.serve("echo")
        proxy = self.serve("connect", "--tls", "--tls-max", "1.2", "--client-ca", cert).read_paths()
        through = [echo.url, "--proxy", proxy.url, "--proxy-ca", proxy.ca]
        self.fails(2303501, *through)
        self.fails(2303501, *through, "--cert", cert, "--key", key)
        self.works(*through, "--proxy-cert", cert, "--proxy-key", key)

    def test_names(self):
        echo = self.serve("echo")
        proxy = self.serve("socks5", "--resolve", "somewhere.test=127.0.0.1", "--resolve", "nowhere.test=")
        self.works(f"ws://somewhere.test:{echo.port}/", "--proxy", proxy.url)
        self.works(f"ws://SomeWhere.test:{echo.port}/", "--proxy", proxy.url)
        self.fails(2301208, f"ws://nowhere.test:{echo.port}/", "--proxy", proxy.url)
        proxy = self.serve("connect", "--resolve", "*=127.0.0.1")
        self.works(f"ws://anything.example:{echo.port}/", "--proxy", proxy.url)

    def test_subprotocols(self):
        echo = self.serve("echo", "--subprotocol", "chat", "--subprotocol", "superchat")
        report = self.works(echo.url, "--subprotocol", "superchat")
        self.assertEqual(report["websocket"]["subprotocol"], "superchat")
        report = self.works(echo.url)
        self.assertEqual(report["websocket"]["subprotocol"], "")

    def test_many_at_once(self):
        echo = self.serve("echo", "--connections", "20")
        results = []

        def client():
            results.append(run("check", echo.url).returncode)
        threads = [threading.Thread(target=client) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
        self.assertEqual(results, [0] * 20)
        self.ends_well(echo, None)

    def test_messages_come_back(self):
        echo = self.serve("echo")
        done = run("ws", echo.url, "--message", "hällo", "--count", "1")
        self.assertEqual((done.returncode, done.stdout), (0, "hällo\n"), done.stderr)

    def test_over_ipv6(self):
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                pass
        except OSError as error:
            self.assertRaises(OSError, socket.create_server, ("::1", 0), family=socket.AF_INET6)
            self.skipTest(f"this machine has no ::1: {error}")
        echo = self.serve("echo", "--host", "::1")
        self.assertRegex(echo.url, r"^ws://\[::1\]:\d+/$")
        self.works(echo.url)


class Faults(ServeTest):
    def test_of_socks5(self):
        echo = self.serve("echo")
        for fault, code in (
                ("accept=close", 2301211),
                ("method=refuse", 2301209),
                ("method=05,FF", 2301209),
                ("method=04,00", 2301213),
                ("method=05;then=close", 2301213),
                ("request=reset", 2301211),
                ("reply=05,01,00,01;then=close", 2301208),
                ("reply=05,00,00,01;then=close", 2301213),
                ("reply=refuse 5", 2301208),
                ("reply=05,00,00,77", 2301213),
                ("reply=truncate 3;then=close", 2301213)):
            with self.subTest(fault=fault):
                proxy = self.serve("socks5", "--fault", fault)
                report = self.fails(code, echo.url, "--proxy", proxy.url)
                self.assertEqual(report["error"]["layer"], "socks5")
                self.ends_well(proxy)

    def test_a_reset_at_once(self):
        proxy = self.serve("socks5", "--fault", "accept=reset")
        _, code, report = self.check("ws://127.0.0.1:9/", "--proxy", proxy.url)
        self.assertIn(code, (2301206, 2301211), report)  # in connect(2) or after it

    def test_of_a_password(self):
        proxy = self.serve("socks5", "--user", "a:b", "--fault", "auth-reply=01,05")
        self.fails(2301207, "ws://127.0.0.1:9/", "--proxy", proxy.url)

    def test_of_connect(self):
        echo = self.serve("echo")
        for fault in ("reply=refuse 407", 'reply="nonsense\\r\\n\\r\\n"', "head=close",
                      'reply="HTTP/1.1 502 Bad\\r\\n";then=close'):
            with self.subTest(fault=fault):
                report = self.fails(200, echo.url, "--proxy", self.serve("connect", "--fault", fault).url)
                self.assertEqual(report["error"]["layer"], "http-proxy")

    def test_of_the_websocket_server(self):
        for fault, code in (("upgrade=refuse 403", 200), ("upgrade=close", 200),
                            ('upgrade="HTTP/1.1 200 OK\\r\\n\\r\\n";then=close', 200)):
            with self.subTest(fault=fault):
                self.fails(code, self.serve("echo", "--fault", fault).url)
        done = run("ws", self.serve("echo", "--fault", "message=close").url, "--message", "hello", "--linger", "200")
        self.assertEqual(done.returncode, 9, done.stderr)

    def test_of_tls(self):
        for fault, *codes in (("accept=close", 2303505), ('accept="hello, world"', 2303501),
                              ("accept=reset", 2303505, 2301104)):  # in connect(2) or after it
            with self.subTest(fault=fault):
                server = self.wss("--fault", fault)
                _, code, report = self.check(server.url, "--ca", server.ca)
                self.assertIn(code, codes, report)

    def test_that_do_no_harm(self):
        echo = self.serve("echo", "--fault", "upgrade=split 1;message=split 1")
        self.works(echo.url)
        for kind in "socks5", "connect":
            self.works(echo.url, "--proxy", self.serve(kind, "--fault", "reply=split 1,delay 1;relay=split 2").url)

    def test_of_some_connections(self):
        echo = self.serve("echo", "-f", "connection=2;upgrade=refuse 503", "-f", "upgrade=split 7")
        self.works(echo.url)
        self.fails(200, echo.url)
        self.works(echo.url)

    def test_a_held_connection_goes_on_with_a_signal(self):
        echo = self.serve("echo", "--fault", "upgrade=hold", "--json")
        client = subprocess.Popen([PROGRAM, "check", echo.url], stdout=subprocess.DEVNULL)
        self.addCleanup(client.kill)
        while json.loads(echo.process.stderr.readline())["step"] != "upgrade":
            pass
        self.assertIsNone(client.poll())
        echo.process.send_signal(signal.SIGUSR1)
        self.assertEqual(client.wait(TIMEOUT_S), 0)

    def test_a_rate_goes_with_other_faults(self):
        echo = self.serve("echo")
        proxy = self.serve("socks5", "--fault", "accept=drop-after 4,reset", "--rate", "100000")
        self.fails(2301211, echo.url, "--proxy", proxy.url)

    def test_a_rate_is_kept(self):
        sent, rate = 30000, 60000

        def send(connection):
            with connection:
                connection.sendall(b"x" * sent)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            proxy = self.serve("socks5", "--rate", str(rate))
            with socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S) as client:
                client.sendall(b"\5\1\0" + b"\5\1\0\1\x7f\0\0\1" + listener.getsockname()[1].to_bytes(2, "big"))
                thread = threading.Thread(target=lambda: send(listener.accept()[0]))
                thread.start()
                start, got = time.monotonic(), 0
                while part := client.recv(65536):
                    got += len(part)
                took = time.monotonic() - start
                thread.join(TIMEOUT_S)
        self.assertEqual(got, 2 + 10 + sent)
        self.assertGreater(took, sent / rate / 2)  # it cannot be faster, however fast the machine is


class Certificates(ServeTest):
    def faults_of_the_help(self):
        text = run("serve", "echo", "--help-all").stdout
        words = re.search(r"one of (expired,.*?)\n +Several", text, re.DOTALL)[1]
        return [word.strip() for word in words.replace("\n", " ").split(",")]

    def test_every_fault_is_seen(self):
        words = self.faults_of_the_help()
        self.assertGreater(len(words), 12)
        for word in words:
            with self.subTest(fault=word):
                server = self.serve("echo", "--cert-fault", word).read_paths(crl=word == "revoked")
                expected = 0 if word == "revoked" else 2303504
                status, code, report = self.check(server.url, "--ca", server.ca)
                self.assertEqual((status, code), (7 if expected else 0, expected), report)

    def test_several_faults(self):
        server = self.serve("echo", "--cert-fault", "expired,wrong-host").read_paths()
        text = self.fails(2303504, server.url, "--ca", server.ca)["error"]["text"]
        self.assertIn("expired", text)
        self.assertIn("host name mismatch", text)

    def test_the_ca_serves_other_clients(self):
        server = self.wss()
        for host in "localhost", "127.0.0.1", "::1":
            context = ssl.create_default_context(cafile=server.ca)
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as plain:
                with context.wrap_socket(plain, server_hostname=host) as connection:
                    self.assertEqual(connection.version(), "TLSv1.3")
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", server.ca,
                               "-verify_return_error", "-verify_hostname", "localhost"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Verify return code: 0 (ok)", done.stdout)

    def test_curl_through_a_proxy_behind_tls(self):
        proxy = self.serve("connect", "--tls", "--user", "a:b").read_paths()
        echo = self.wss()
        done = subprocess.run(["curl", "-sS", "--proxy", proxy.url, "--proxy-cacert", proxy.ca, "--cacert", echo.ca,
                               "--noproxy", "", "-o", "/dev/null", "-w", "%{http_connect} %{http_code}",
                               echo.url.replace("wss:", "https:")],
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, "^200 4..$")  # no upgrade was asked for

    def test_revocation(self):
        server = self.serve("echo", "--cert-fault", "revoked").read_paths(crl=True)
        context = ssl.create_default_context(cafile=server.ca)
        context.load_verify_locations(server.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as plain:
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "revoked"):
                context.wrap_socket(plain, server_hostname="localhost")

    def test_hosts(self):
        server = self.serve("echo", "--cert-hosts", "a.example,192.0.2.1").read_paths()
        for host in "a.example", "192.0.2.1":
            context = ssl.create_default_context(cafile=server.ca)
            with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as plain:
                context.wrap_socket(plain, server_hostname=host).close()
        self.fails(2303504, server.url, "--ca", server.ca)

    def test_the_address_that_is_listened_on_is_one_of_the_hosts(self):
        server = self.wss("--host", "127.0.0.5")
        self.assertRegex(server.url, r"^wss://127\.0\.0\.5:")
        self.works(server.url, "--ca", server.ca)

    def test_files_are_private_and_removed(self):
        server = self.wss()
        folder = os.path.dirname(server.ca)
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        for name in os.listdir(folder):
            if name.endswith(".key"):
                self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o777, 0o600)
        self.ends_well(server)
        self.assertFalse(os.path.exists(folder))

    def own_certificate(self, folder):
        cert, key = os.path.join(folder, "own.pem"), os.path.join(folder, "own.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                        key, "-out", cert], check=True, capture_output=True, timeout=TIMEOUT_S)
        return cert, key

    def test_ones_own(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = self.own_certificate(folder)
            server = self.serve("echo", "--cert", cert, "--key", key)
            self.assertRegex(server.url, "^wss://localhost:")
            self.works(server.url, "--ca", cert)
            self.fails(2303504, server.url)
            self.assertEqual(server.end(), (0, "", ""))  # no "ca:" either
            self.assertTrue(os.path.exists(key))

    def test_of_clients(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = self.own_certificate(folder)
            server = self.serve("echo", "--client-ca", cert).read_paths()
            self.works(server.url, "--ca", server.ca, "--cert", cert, "--key", key)
            _, code, report = self.check(server.url, "--ca", server.ca)
            self.assertIn(code, (2303501, 2303505), report)

    def test_versions(self):
        server = self.wss("--tls-max", "1.2")
        self.assertEqual(self.works(server.url, "--ca", server.ca)["tls"][0]["protocol"], "TLSv1.2")
        server = self.wss("--tls-min", "1.3")
        self.assertEqual(self.works(server.url, "--ca", server.ca)["tls"][0]["protocol"], "TLSv1.3")
        self.fails(2303501, server.url, "--ca", server.ca, "--tls-max", "1.2")


class Log(ServeTest):
    def test_lines(self):
        echo = self.serve("echo")
        proxy = self.serve("socks5", "--user", "alice:very-secret", "--log", "--once")
        self.works(echo.url, "--proxy", proxy.url)
        status, out, log = proxy.end(None)
        self.assertEqual((status, out), (0, ""))
        steps = re.findall(r"^ *\d+\.\d{3} ms  #1 (\S+)", log, re.MULTILINE)
        self.assertEqual(steps, ["accept", "greeting", "method", "auth", "auth-reply", "request", "connect", "reply",
                                 "relay", "end"])
        self.assertEqual(len(steps), len(log.splitlines()))
        self.assertIn(f"127.0.0.1:{echo.port}", log)
        self.assertRegex(log.splitlines()[-1], r"in [1-9]\d+, out [1-9]\d+ bytes$")
        self.assertNotIn("very-secret", log)
        self.assertNotIn("\x1b", log)

    def test_json(self):
        echo = self.serve("echo", "--json", "--connections", "2")
        self.works(echo.url)
        self.works(echo.url)
        status, out, log = echo.end(None)
        self.assertEqual((status, out), (0, ""))
        events = [json.loads(line) for line in log.splitlines()]
        self.assertEqual([event["connection"] for event in events], sorted(event["connection"] for event in events))
        for number in 1, 2:
            own = [event for event in events if event["connection"] == number]
            self.assertEqual([event["step"] for event in own],
                             ["accept", "head", "upgrade", "message", "close", "end"])
            for event in own:
                self.assertEqual(set(event), {"time_ms", "connection", "step", "text", "bytes_in", "bytes_out"})
            self.assertGreater(own[-1]["bytes_in"], 100)
            self.assertGreater(own[-1]["bytes_out"], 100)
            times = [event["time_ms"] for event in own]
            self.assertEqual(times, sorted(times))

    def test_a_problem_belongs_to_its_connection(self):
        for form in "--log", "--json":
            with self.subTest(form):
                echo = self.serve("echo")
                proxy = self.serve("socks5", form, "--connections", "3")
                self.works(echo.url, "--proxy", proxy.url)
                with socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S) as client:
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    while client.recv(4096):
                        pass
                self.works(echo.url, "--proxy", proxy.url)
                _, _, log = proxy.end(None)
                if form == "--json":
                    ends = {event["connection"]: event["text"] for event in map(json.loads, log.splitlines())
                            if event["step"] == "end"}
                else:
                    ends = {int(number): text for number, text in
                            re.findall(r"#(\d) end +(.*?)(?:, )?in \d+, out \d+ bytes", log)}
                self.assertEqual((ends[1], ends[3]), ("", ""), log)
                self.assertIn("greeting", ends[2])

    def test_what_a_client_sends_does_not_reach_the_terminal_as_it_is(self):
        echo = self.serve("echo", "--log", "--once")
        with socket.create_connection(("127.0.0.1", echo.port), TIMEOUT_S) as client:
            client.sendall(b"GET /\x1b[31m\xff HTTP/1.1\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
        status, _, log = echo.end(None)
        self.assertEqual(status, 0)
        self.assertNotIn("\x1b", log)

    def test_is_silent_otherwise(self):
        echo = self.serve("echo", "--once")
        self.works(echo.url)
        self.ends_well(echo, None)


class Ends(ServeTest):
    def test_by_signals(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            for kind in KINDS:
                with self.subTest(signal=number, kind=kind):
                    self.ends_well(self.serve(kind), number)

    def test_by_a_signal_while_clients_are_there(self):
        server = self.wss("--fault", "upgrade=stall")
        with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as idle:
            client = subprocess.Popen([PROGRAM, "check", server.url, "--ca", server.ca], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
            self.addCleanup(client.kill)
            self.ends_well(server)
            self.assertNotEqual(client.wait(TIMEOUT_S), 0)
            try:
                self.assertEqual(idle.recv(1), b"")
            except ConnectionResetError:
                pass
        self.assertFalse(os.path.exists(server.ca))

    def test_by_another_signal_where_nobody_reads_the_log(self):
        server = self.wss("--json")
        for _ in range(400):  # more than fits into the pipe
            socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S).close()
        deadline = time.monotonic() + TIMEOUT_S
        while server.process.poll() is None and time.monotonic() < deadline:
            server.process.terminate()
            try:
                server.process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        self.assertIn(server.process.returncode, (0, -signal.SIGTERM))
        self.assertFalse(os.path.exists(server.ca))

    def test_with_its_input(self):
        server = self.serve("socks5", "--until-eof")
        server.process.stdin.write("whatever\n")
        server.process.stdin.flush()
        self.works(self.serve("echo").url, "--proxy", server.url)
        self.assertIsNone(server.process.poll())
        server.process.stdin.close()
        self.assertEqual(server.process.wait(TIMEOUT_S), 0)
        self.assertEqual(server.process.stderr.read(), "")

    def test_not_with_its_input_unless_asked_for(self):
        server = self.serve("echo", stdin=subprocess.DEVNULL)
        self.works(server.url)
        self.ends_well(server)

    def test_a_reader_that_has_gone_is_no_failure(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([PROGRAM, "serve", "echo", "--tls"], stdout=write_end, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, env=ENVIRONMENT, check=False)
        os.close(write_end)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_reader_of_one_line_may_go(self):
        server = self.wss()
        server.process.stdout.close()
        self.works(server.url, "--ca", server.ca)
        server.process.stdout = None
        self.assertEqual(server.end(), (0, None, ""))

    def test_a_reader_of_the_log_may_go(self):
        server = self.serve("echo", "--log")
        server.process.stderr.close()
        self.works(server.url)
        self.works(server.url)
        server.process.stderr = None
        self.assertEqual(server.end(), (0, "", None))

    def test_a_full_disk_is_noticed(self):
        for words in ("echo",), ("control", "--port", "0"):
            with self.subTest(words), open("/dev/full", "w") as full:
                done = subprocess.run([PROGRAM, "serve", *words], stdout=full, stderr=subprocess.PIPE, text=True,
                                      stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot write the output", done.stderr)


class Relays(ServeTest):
    def test_relay_carries_and_the_link_is_slow(self):
        echo = self.serve("echo")
        relay = self.serve("tcp", "--to", f"127.0.0.1:{echo.port}", "--link", "latency=40", "--link", "up:latency=40")
        started = time.monotonic()
        self.works(f"ws://127.0.0.1:{relay.port}/")
        self.assertGreaterEqual(time.monotonic() - started, 0.16)

    def test_relay_puts_tls_on_and_takes_it_off(self):
        wss = self.wss()
        on = self.serve("tcp", "--to", f"localhost:{wss.port}", "--to-tls", "--to-ca", wss.ca)
        off = self.serve("tcp", "--to", f"127.0.0.1:{on.port}", "--tls").read_paths()
        self.works(f"ws://127.0.0.1:{on.port}/")
        self.works(f"wss://localhost:{off.port}/", "--ca", off.ca)

    def test_dns_leads_the_client(self):
        echo, dns = self.serve("echo"), self.serve("dns", "-r", "a.test A 127.0.0.1", "-r", "b.test * servfail")
        self.works(f"ws://a.test:{echo.port}/", "--dns", f"127.0.0.1:{dns.port}")
        self.assertNotEqual(self.check(f"ws://b.test:{echo.port}/", "--dns", f"127.0.0.1:{dns.port}")[1], 0)

    def test_socks4_and_http_proxies(self):
        echo = self.serve("echo")
        for kind in ("socks4", "http"):
            self.works(echo.url, "--proxy", self.serve(kind).url)

    def test_unix_socket(self):
        echo = self.serve("echo")
        with tempfile.TemporaryDirectory() as folder:
            proxy = self.serve("socks5", "--unix", folder + "/proxy")
            self.assertEqual(proxy.url, f"socks5h+unix:{folder}/proxy")
            self.works(echo.url, "--proxy", proxy.url)
            self.ends_well(proxy)
            self.assertEqual(os.listdir(folder), [])

    def test_sessions_are_resumed_if_asked_for(self):
        for options, expected in (((), False), (("--tickets",), True)):
            server = self.wss("--tls-max", "1.2", *options)
            context = ssl.create_default_context(cafile=server.ca)
            sessions, reused = [None], []
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as plain, \
                        context.wrap_socket(plain, server_hostname="localhost", session=sessions[-1]) as tls:
                    sessions.append(tls.session)
                    reused.append(tls.session_reused)
            self.assertEqual(reused, [False, expected])


class BadInput(ServeTest):
    def refuses(self, status, *arguments):
        done = run("serve", *arguments)
        self.assertEqual((done.returncode, done.stdout), (status, ""), (arguments, done.stderr))
        return done.stderr

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            for kind in KINDS:
                text = self.refuses(2, kind, "--port", str(port))
                for part in ("2302005 Can't listen to the given Port.", f"127.0.0.1:{port}", "98 EADDRINUSE",
                             "Choose another port"):
                    self.assertIn(part, text)

    def test_an_address_of_somebody_else(self):
        text = self.refuses(2, "echo", "--host", "192.0.2.1")
        self.assertIn("2302004 Can't listen to the given NIC.", text)
        self.assertIn("192.0.2.1:0", text)

    def test_wrong_options(self):
        for arguments, part in (
                (["socks5", "--hots", "x"], "unknown option --hots; did you mean --host?"),
                (["echo", "--cert-falt", "x"], "did you mean --cert-fault?"),
                (["echo", "--user", "a"], "unknown option --user"),
                (["socks5", "--tls"], "unknown option --tls"),
                (["socks5", "more"], "one argument too many: more"),
                (["socks5", "--port"], "--port needs a value"),
                (["socks5", "--port", "65536"], "--port: 65536 is too large, at most 65535"),
                (["socks5", "--port", "x"], "--port: 'x' is not a number"),
                (["socks5", "--host", "localhost"], "--host: 'localhost' is not an IPv4 or IPv6 address"),
                (["socks5", "--rate", "0"], "--rate: 0 is not possible"),
                (["socks5", "--connections", "0"], "--connections: 0 is not possible"),
                (["socks5", "--once", "--connections", "2"], "--once and --connections"),
                (["socks5", "--resolve", "x"], "--resolve: not of the form NAME=IP"),
                (["socks5", "--resolve", "=127.0.0.1"], "--resolve: not of the form NAME=IP"),
                (["socks5", "--resolve", "x=y"], "--resolve: 'y' is not an IPv4 or IPv6 address"),
                (["socks5", "--user", ":b"], "the user's name is empty"),
                (["socks5", "--password-file", "x"], "--password-file needs --user"),
                (["socks5", "--user", "a:b", "--password-file", "x"], "--password-file is too much"),
                (["echo", "--cert", "x"], "--cert and --key go together"),
                (["echo", "--cert", "x", "--key", "y", "--cert-fault", "expired"], "--cert is your certificate"),
                (["echo", "--tls-min", "1.3", "--tls-max", "1.2"], "--tls-min is above --tls-max"),
                (["echo", "--tls-min", "1.1"], "--tls-min: '1.1' is unknown"),
                (["echo", "--cert-fault", "expird"], "'expird' is unknown; did you mean expired?"),
                (["echo", "--cert-fault", "expired,selfsigned"], "'selfsigned' is unknown; did you mean self-signed?"),
                (["echo", "--cert-fault", "other-key"], "a server cannot be started with other-key")):
            with self.subTest(arguments=arguments):
                text = self.refuses(2, *arguments)
                self.assertTrue(text.startswith(f"leat serve {arguments[0]}: "), text)
                self.assertIn(part, text)

    def test_wrong_commands(self):
        self.assertIn("did you mean socks5?", self.refuses(2, "socks"))
        self.refuses(2)

    def test_wrong_faults_show_where(self):
        for kind, fault, position, part in (
                ("socks5", "reply=xx", 7, "expected bytes"),
                ("socks5", "reply=05,01;then=clos", 18, "close or reset"),
                ("socks5", "repli=close", 1, "expected a step"),
                ("echo", "upgrade=delay", 14, "expected a number"),
                ("echo", 'message="abc', 13, "")):
            with self.subTest(fault=fault):
                text = self.refuses(2, kind, "--fault", fault)
                self.assertIn(f"--fault: character {position} of '{fault}': ", text)
                self.assertIn(part, text)
        text = self.refuses(2, "socks5", "--fault", "upgrade=close")
        self.assertIn("there is no step upgrade here; the steps are accept, greeting,", text)
        self.refuses(2, "echo", "--fault", "tls=close")  # without TLS
        self.refuses(2, "echo", "--fault", "upgrade=close,delay 1")

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            missing, empty = os.path.join(folder, "missing"), os.path.join(folder, "empty")
            open(empty, "w").close()
            fifo = os.path.join(folder, "fifo")  # nobody writes to it: an error, and no wait
            os.mkfifo(fifo)
            for arguments, code, part in (
                    (["echo", "--cert", fifo, "--key", empty], 2302002, fifo),
                    (["echo", "--cert", empty, "--key", fifo], 2302002, fifo),
                    (["connect", "--tls", "--client-ca", fifo], 2302002, fifo),
                    (["socks5", "--user", "a", "--password-file", fifo], 401, fifo),
                    (["echo", "--cert", missing, "--key", empty], 2302002, missing),
                    (["echo", "--cert", empty, "--key", missing], 2302002, missing),
                    (["echo", "--client-ca", missing], 2302002, missing),
                    (["socks5", "--user", "a", "--password-file", missing], 401, missing),
                    (["socks5", "--user", "a", "--password-file", empty], 401, empty),
                    (["echo", "--cert", empty, "--key", empty], 2303504, empty),
                    (["echo", "--cert", folder, "--key", folder], 2303504, folder)):
                with self.subTest(arguments=arguments):
                    done = run("serve", *arguments)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertEqual(done.stdout, "")
                    self.assertIn(str(code), done.stderr)
                    self.assertIn(part, done.stderr)


class Help(ServeTest):
    def test_fits_a_screen(self):
        for arguments in (("serve",), *(("serve", kind) for kind in KINDS)):
            lines = run(*arguments, "--help").stdout.splitlines()
            self.assertLessEqual(len(lines), 24)
            self.assertLessEqual(max(map(len, lines)), 80)

    def test_names_every_option(self):
        for kind in KINDS:
            text = run("serve", kind, "--help-all").stdout
            for option in "--host", "--port", "--fault", "--rate", "--log", "--json", "--once", "--until-eof":
                self.assertIn(option, text)
            self.assertEqual("--user" in text, kind != "echo")
            self.assertEqual("--tls " in text, kind != "socks5")


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
