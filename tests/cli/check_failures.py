#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat check`: what it says when something is wrong.

usage: check_failures.py PROGRAM     PROGRAM is the tool `leat`
"""
import datetime
import json
import re

import check_case as case
import check_peers as peers
from patience import at_least

setUpModule = case.set_up_module


class Failures(case.Case):
    def test_dns(self):
        dns = self.start(peers.Dns({}))
        self.assert_failure(["--dns", f"127.0.0.1:{dns.port}", "wss://no-such-name.example/"], "dns", 2301113, 3,
                            ["tcp", "tls", "websocket", "echo"], "no-such-name.example")

    def test_tcp(self):
        holder, port = peers.refusing_port()
        self.addCleanup(holder.close)
        report = self.assert_failure([f"ws://127.0.0.1:{port}/"], "tcp", 2301111, 4, ["websocket", "echo"])
        (address,) = report["addresses"]
        self.assertEqual((address["outcome"], address["code"]), ("failed", 2301111))

    def test_proxy_that_is_away(self):
        holder, port = peers.refusing_port()
        self.addCleanup(holder.close)
        self.assert_failure(["--proxy", f"socks5h://user:secret@127.0.0.1:{port}", "wss://server.test/"], "tcp",
                            2301206, 5, ["proxy", "tls", "websocket", "echo"])

    def test_proxy_that_cannot_connect(self):
        proxy = self.serve("socks5", "--fault", "reply=refuse 5")
        report = self.assert_failure(["--proxy", f"socks5h://127.0.0.1:{proxy.port}", "wss://server.test/"], "socks5",
                                     2301208, 5, ["tls", "websocket", "echo"])
        self.assertEqual(report["error"]["native_code"], 5)

    def test_http_proxy_that_is_away(self):
        holder, port = peers.refusing_port()
        self.addCleanup(holder.close)
        self.assert_failure(["--proxy", f"http://127.0.0.1:{port}", "wss://server.test/"], "tcp", 2301111, 5,
                            ["proxy", "tls", "websocket", "echo"])

    def test_http_proxy_that_refuses(self):
        proxy = self.serve("connect", "--fault", "reply=refuse 407")
        report = self.assert_failure(["--proxy", f"http://127.0.0.1:{proxy.port}", "wss://server.test/"], "http-proxy",
                                     200, 5, ["tls", "websocket", "echo"], "407")
        self.assertEqual(report["proxies"], 1)

    def test_what_a_proxy_has_said_and_its_other_address_is_away(self):
        proxy = self.serve("connect", "--fault", "reply=refuse 502")
        dns = self.start(peers.Dns({"proxy.test": ["127.0.0.1", "127.0.0.2"]}))
        arguments = ["--dns", f"127.0.0.1:{dns.port}", "--proxy", f"http://proxy.test:{proxy.port}", "ws://server.test/"]
        report = self.report(*arguments, status=5)
        self.assertEqual((report["failed_phase"], report["error"]["code"], report["error"]["native_code"]),
                         ("http-proxy", 200, 502))
        self.assertEqual([(row["name"], row["ok"]) for row in report["phases"]],
                         [("dns", True), ("tcp", True), ("http-proxy", False), ("tcp", False)])
        shown = case.run(*arguments).out.split("\n")
        self.assertEqual([row[:12].rstrip() for row in shown[:4]], ["  dns", "  tcp", "x http-proxy", "> tcp"], shown)

    def test_second_proxy_is_not_reached(self):
        first = self.serve("socks5", "--fault", "reply=refuse 1")
        self.assert_failure(["--proxy", f"socks5h://127.0.0.1:{first.port}", "--proxy", "socks5h://127.0.0.1:9",
                             "ws://server.test/"], "socks5", 2301208, 5, ["proxy", "websocket", "echo"])

    def test_not_a_tls_server(self):
        server = self.serve("echo", "--fault", 'accept="HTTP/1.1 400 Bad Request\\r\\n\\r\\n"')
        self.assert_failure([f"wss://127.0.0.1:{server.port}/"], "tls", 2303501, 6, ["websocket", "echo"],
                            "not a TLS server")

    def test_expired_certificate(self):
        server = self.serve("echo", "--cert-fault", "expired")
        arguments = ["--ca", server.ca, server.url]
        report = self.assert_failure(arguments, "tls", 2303504, 7, ["websocket", "echo"], "expired since 2")
        leaf = report["certificates"][0]
        day = leaf["not_after"][:10]
        self.assertTrue(leaf["problem"].startswith(f"expired since {day} "), leaf["problem"])
        self.assertLess(leaf["days_left"], 0)
        self.assertIs(leaf["expires_soon"], False)
        out = self.trusted(*arguments).out
        self.assertRegex(out, rf"{day}, expired .* ago\n")
        self.assertIn("\n   x expired since", out)

    def test_days_since_a_certificate_expired(self):
        case.certificates.issue("old", ("20200101000000Z", "20210101000000Z"))
        url = f"wss://localhost:{self.wss(certificate='old.pem').port}/"
        then = datetime.datetime(2021, 1, 1, tzinfo=datetime.timezone.utc)
        before = (datetime.datetime.now(datetime.timezone.utc) - then).days
        (left,) = {row["days_left"] for row in self.report(url, status=7)["certificates"] if row["depth"] == 0}
        (shown,) = re.findall(r"2021-01-01, expired (\d+) days ago\n", self.trusted(url).out)
        after = (datetime.datetime.now(datetime.timezone.utc) - then).days
        self.assertIn(int(shown), (before, after))
        self.assertIn(left, (-1 - before, -1 - after))
        for hours, words in ((1, "expired less than a day ago"), (30, "expired 1 day ago")):
            end = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
            case.certificates.issue("just-now", ("20200101000000Z", end.strftime("%Y%m%d%H%M%SZ")))
            server = self.wss(certificate="just-now.pem")
            self.assertIn(words, self.trusted(f"wss://localhost:{server.port}/").out)

    def test_other_certificates(self):
        for fault, reason in (("wrong-host", "host name mismatch"), ("unknown-ca", "unknown issuer"),
                              ("weak-key", "weak key"), ("not-yet-valid", "not yet valid before")):
            server = self.serve("echo", "--cert-fault", fault)
            report = self.assert_failure(["--ca", server.ca, server.url], "tls", 2303504, 7, ["websocket", "echo"],
                                         reason)
            self.assertIn(reason, report["certificates"][0]["problem"])

    def test_upgrade(self):
        server = self.wss("--fault", "upgrade=refuse 404")
        report = self.assert_failure([f"wss://localhost:{server.port}/"], "websocket", 200, 8, ["echo"], "404")
        self.assertEqual(report["websocket"]["http_status"], 404)
        self.assertIsNone(report["connect_ms"])

    def test_server_that_closes_instead_of_an_echo(self):
        server = self.serve("echo", "--fault", "message=88,02,03,f0")
        report = self.assert_failure([f"ws://127.0.0.1:{server.port}/"], "echo", 200, 9, [], "1008")
        self.assertEqual(report["websocket"]["close_code"], 1008)
        self.assertEqual(report["error"]["native_code"], 1008)

    def test_server_that_goes_away_instead_of_an_echo(self):
        server = self.serve("echo", "--fault", "message=close")
        report = self.assert_failure([f"ws://127.0.0.1:{server.port}/"], "echo", 200, 9)
        self.assertEqual(report["websocket"]["close_code"], 1006)

    def test_server_that_answers_nothing(self):
        server = self.serve("echo", "--fault", "message=skip;ping=skip")
        report = self.assert_failure(["--echo-timeout", "200ms", f"ws://127.0.0.1:{server.port}/"], "echo",
                                     2301110, 9, [], "neither the message nor a Pong")
        self.assertEqual(report["websocket"]["echo"], "silent")

    def test_url_that_is_none(self):
        for url in ("http://server.test/", "wss://", "no url"):
            result = case.run(url)
            self.assertEqual((result.returncode, result.out), (2, ""), url)
            self.assertIn(b"2302001", result.stderr)
            report = json.loads(case.run("--json", url).out)
            self.assertEqual((report["error"]["code"], report["phases"]), (2302001, []))
            self.assertIsNone(report["failed_phase"])

    def test_ca_file_that_is_missing(self):
        result = case.run("--ca", "/nonexistent/ca.pem", "wss://127.0.0.1:9/")
        self.assertEqual((result.returncode, result.out), (2, ""))
        self.assertIn(b"2302002", result.stderr)
        self.assertIn(b"/nonexistent/ca.pem", result.stderr)

    def test_proxy_of_the_environment_that_is_none(self):
        for value, part, layer in (("socks5://u:s3cret@1@h", "%40", "socks5"), ("http://u:s3cret/1@h:1", "%2F", "http-proxy"),
                                   ("u:s3cret#1@h", "%23", "http-proxy"), ("ftp://h", "scheme", "http-proxy")):
            for arguments in (["--lang", "en"], ["--lang", "zh"]):
                result = case.run("--proxy", "system", *arguments, "ws://server.test/", ALL_PROXY=value)
                self.assertEqual((result.returncode, result.out), (2, ""), value)
                self.assertIn(b"ALL_PROXY: ", result.stderr)
                self.assertIn(part.encode(), result.stderr)
                self.assertNotIn(b"s3cret", result.stderr)
                self.assertNotIn(b"header", result.stderr, "the user calls no function")
            report = json.loads(case.run("--proxy", "system", "--json", "ws://server.test/", ALL_PROXY=value).out)
            self.assertEqual((report["error"]["code"], report["error"]["class"], report["error"]["layer"]),
                             (401, "configuration", layer))
            self.assertIn("environment", report["description"])
            self.assertTrue(any("%40" in line for line in report["remedies"]))

    # ---- deadlines and second tries

    def test_deadlines(self):
        for kind, fault, phase, code, status in (
                ("socks5", "method=stall", "socks5", 2301211, 5), ("echo", "accept=stall", "tls", 2303502, 6),
                ("echo", "upgrade=stall", "websocket", 200, 8)):
            server = self.serve(kind, "--fault", fault)
            urls = {"socks5": ["--proxy", server.url, "ws://inside.test/"], "tls": [server.url.replace("ws:", "wss:")],
                    "websocket": [server.url]}
            report = self.report("--timeout", at_least(0.5), *urls[phase], status=status)
            self.assertEqual((report["failed_phase"], report["error"]["code"]), (phase, code))

    def test_redirect(self):
        redirect = r'upgrade="HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"'
        server = self.serve("echo", "--fault", "connection=1;" + redirect)
        report = self.report("--redirects", "1", server.url)
        self.assertEqual([(phase["name"], phase["ok"]) for phase in report["phases"]],
                         [("tcp", True), ("websocket", False), ("tcp", True), ("websocket", True), ("echo", True),
                          ("close", True)])
        self.assertNotIn("failed_phase", report)
        server = self.serve("echo", "--fault", "connection=1;" + redirect)
        rows = [row.split()[:2] for row in self.well("--redirects", "1", server.url).split("\n") if "|" in row]
        self.assertEqual([row[0] for row in rows], ["tcp", ">", "tcp", "websocket", "echo", "close"])

        elsewhere = redirect.replace("/there", "ftp://there/")
        server = self.serve("echo", "--fault", elsewhere)
        report = self.report("--redirects", "2", server.url, status=8)  # not what the user wrote
        self.assertEqual(report["error"]["code"], 2302001)
        self.assertIn("redirects to what cannot be followed", report["error"]["text"])
        server = self.serve("echo", "--fault", redirect)
        report = self.report("--redirects", "2", server.url, status=8)
        self.assertIn("after 2 redirects, at ws://", report["error"]["text"])
        self.assertEqual((report["failed_phase"], len(report["phases"])), ("websocket", 6))
        out = self.trusted("--redirects", "2", server.url).out
        self.assertEqual([row[0] for row in out.split("\n") if "websocket " in row and "|" in row], [">", ">", "x"])
        self.assertEqual(out.count("not reached"), 1)


class Suites(case.Case):
    """What the server has when it agrees on CBC, or on nothing."""

    def setUp(self):
        case.certificates.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.key", "-out",
                                  "rsa.pem", "-days", "30", "-subj", "/CN=localhost")

    def tls12(self, ciphers, *arguments):
        return self.start(peers.OpenSsl("-tls1_2", "-cipher", ciphers, "-www", "-cert", case.certificates.path("rsa.pem"),
                                        "-key", case.certificates.path("rsa.key"), *arguments)).port

    def suites(self, port, *arguments, status):
        return self.report("--insecure", *arguments, f"wss://127.0.0.1:{port}/", status=status).get("suites")

    def assert_suites(self, port, finding, cipher, *arguments, status, **texts):
        hop = f"127.0.0.1:{port}"
        suites = self.suites(port, *arguments, status=status)
        self.assertEqual((suites["hop"], suites["finding"], suites.get("cipher")), (hop, finding, cipher))
        for language, text in texts.items():
            out = self.trusted("--insecure", "--lang", language, *arguments, f"wss://{hop}/").out
            self.assertIn(text, out)
            self.assertEqual(out.count(text), 1)
        self.assertEqual(suites["text"] in self.trusted("--insecure", "--lang", "en", *arguments, f"wss://{hop}/").out, True)

    def test_nothing_better_than_cbc(self):
        port = self.tls12("ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:AES128-GCM-SHA256")
        self.assert_suites(port, "nothing better", None, status=8, en="nothing better than CBC", zh="没有比 CBC 更好的")

    def test_better_than_what_was_agreed_on(self):
        port = self.tls12("ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "-serverpref")
        name = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        self.assert_suites(port, "has better", name, status=8, en=f"although the server has {name}", zh=f"服务器支持 {name}")

    def test_better_that_the_user_has_ruled_out(self):
        port = self.start(peers.OpenSsl("-cipher", "ECDHE-RSA-AES128-SHA", "-www", "-cert", case.certificates.path("rsa.pem"),
                                        "-key", case.certificates.path("rsa.key"))).port
        suites = self.suites(port, "--tls-max", "1.2", status=8)
        self.assertEqual((suites["finding"], suites["cipher"][:8]), ("has better", "TLS_AES_"))

    def test_whether_there_is_better_cannot_be_asked(self):
        """A server that wants our certificate refuses the question, which comes without."""
        port = self.tls12("ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "-serverpref", "-Verify", "1")
        own = ["--cert", case.certificates.path("rsa.pem"), "--key", case.certificates.path("rsa.key")]
        self.assert_suites(port, "cbc", None, *own, status=8, en="CBC is for old servers only", zh="CBC 仅用于兼容旧服务器")

    def test_only_dhe(self):
        port = self.tls12("DHE-RSA-AES128-SHA:AES128-GCM-SHA256")
        name = "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"
        self.assert_suites(port, "dhe only", name, status=6, en=f"no ECDHE, but {name}", zh=f"支持 {name}")

    def test_only_static_rsa(self):
        port = self.tls12("AES128-GCM-SHA256:AES128-SHA")
        name = "TLS_RSA_WITH_AES_128_GCM_SHA256"
        self.assert_suites(port, "static only", name, status=6, en=f"nothing but static RSA, {name}: without forward secrecy",
                           zh=f"静态 RSA 密钥交换 {name}：无前向保密")

    def test_nothing_to_say(self):
        self.assertIsNone(self.suites(self.tls12("ECDHE-RSA-AES128-GCM-SHA256"), status=8))
        self.assertIsNone(self.suites(self.tls12("PSK-AES128-GCM-SHA256"), status=6), "none of all")
        port = self.tls12("AES128-GCM-SHA256")
        self.assertIsNone(self.suites(port, "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", status=6), "the user has chosen")

    def test_through_a_proxy(self):
        port = self.tls12("ECDHE-RSA-AES128-SHA")
        proxy = self.serve("socks5")
        self.assertEqual(self.suites(port, "--proxy", f"socks5h://127.0.0.1:{proxy.port}", status=8)["finding"],
                         "nothing better")
        proxy.wait_for(2)


if __name__ == "__main__":
    case.main()
