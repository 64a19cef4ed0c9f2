#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat check`: what it finds, how it shows it, what it says when something is wrong.

usage: check.py PROGRAM     PROGRAM is the tool `leat`
"""
import datetime
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import unittest

import check_peers as peers
import peer

PROGRAM = None
CODE_ECHO_SILENT = 2301110

certificates = None


def setUpModule():
    global certificates
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    certificates = peers.Certificates(directory.name)


def run(*arguments, **variables):
    """Runs `leat check` into pipes, in the C locale unless the variables say otherwise."""
    result = subprocess.run(
        [PROGRAM, "check", *arguments], capture_output=True, env=peer.environment(**variables), timeout=60)
    result.out = result.stdout.decode("utf-8")
    return result


def explain(code, language):
    result = subprocess.run([PROGRAM, "explain", "--json", "--lang", language, str(code)], capture_output=True,
                            check=True, timeout=30)
    return next(row for row in json.loads(result.stdout) if row.get("name", "").startswith("LEAT_E_"))


class Check(unittest.TestCase):
    maxDiff = None

    def start(self, peer):
        self.addCleanup(peer.close)
        return peer

    def serve(self, *arguments):
        return self.start(peers.Serve(PROGRAM, *arguments))

    def wss(self, *arguments, certificate="server.pem"):
        return self.serve("echo", "--cert", certificates.path(certificate), "--key", certificates.path("server.key"),
                          *arguments)

    def trusted(self, *arguments, **variables):
        return run("--ca", certificates.path("ca.pem"), *arguments, **variables)

    def well(self, *arguments, **variables):
        result = self.trusted(*arguments, **variables)
        self.assertEqual((result.returncode, result.stderr), (0, b""), result.out)
        return result.out

    def report(self, *arguments, status=0):
        result = self.trusted("--json", *arguments)
        self.assertEqual((result.returncode, result.stderr), (status, b""), result.out)
        self.assertEqual(result.out.count("\n"), 1, "one object on one line")
        return json.loads(result.out)

    def names(self, phases):
        return [phase["name"] for phase in phases]

    # ---- when all is well

    GOLDEN = """\
  tcp           # ms |BAR| 127.0.0.1:PORT
  websocket     # ms |BAR| HTTP 101
  echo          # ms |BAR| one text message there and back
  close         # ms |BAR|

addresses  127.0.0.1:PORT
  127.0.0.1:PORT     # ms  used

library
  leat VERSION
"""

    def test_what_a_pipe_gets(self):
        server = self.serve("echo")
        out = self.well(f"ws://127.0.0.1:{server.port}/")
        stable = re.sub(r"\|[# ]{30}\|", "|BAR|", out.replace(str(server.port), "PORT"))
        stable = re.sub(r" +\d+\.\d{3} ms", lambda match: "     # ms", stable)
        stable = re.sub(r"leat \d.*", "leat VERSION", stable)
        self.assertFalse(re.search(" $", stable, re.M), "no spaces at the end of a line")
        golden = re.sub(r" +# ms", "     # ms", self.GOLDEN)
        self.assertEqual(stable, golden)

    def test_bars_stand_one_behind_the_other(self):
        server = self.wss()
        rows = [line for line in self.well(f"wss://localhost:{server.port}/").split("\n") if "|" in line]
        self.assertEqual([row.split()[0] for row in rows], ["dns", "tcp", "tls", "websocket", "echo", "close"])
        starts = [row.index("#") for row in rows]
        self.assertEqual(starts, sorted(starts))
        self.assertEqual(len({row.index("|") for row in rows}), 1)
        self.assertTrue(all(row.startswith("  ") for row in rows), "nothing is marked")

    def test_json_of_a_connection(self):
        server = self.wss("--subprotocol", "chat")
        report = self.report("--subprotocol", "chat", f"wss://localhost:{server.port}/")
        hop = f"localhost:{server.port}"
        self.assertEqual(report["url"], f"wss://localhost:{server.port}/")
        self.assertIs(report["ok"], True)
        self.assertEqual((report["runs"], report["failed"], report["resumed"], report["proxies"]), (1, 0, 0, 0))
        self.assertRegex(report["library"]["tls_backend"], "^mbedTLS 3")
        self.assertEqual(self.names(report["phases"]), ["dns", "tcp", "tls", "websocket", "echo", "close"])
        for phase in report["phases"]:
            self.assertEqual((phase["hop"], phase["ok"]), (hop, True))
            self.assertGreaterEqual(phase["ms"], 0)
            self.assertNotIn("code", phase)
        ends = [phase["start_ms"] + phase["ms"] for phase in report["phases"]]
        for end, following in zip(ends, report["phases"][1:]):
            self.assertLessEqual(end, following["start_ms"] + 0.0015)
        (address,) = [row for row in report["addresses"] if row["outcome"] == "used"]
        self.assertEqual(address["address"], f"127.0.0.1:{server.port}")
        (tls,) = report["tls"]
        self.assertEqual((tls["protocol"], tls["hop"], tls["resumed"]), ("TLSv1.3", hop, False))
        self.assertRegex(tls["cipher"], "^TLS_")
        self.assertEqual(tls["signature_algorithm"], "ecdsa_secp256r1_sha256")
        self.assertIn(tls["group"], ("x25519", "secp256r1"))
        self.assertEqual(report["websocket"], {
            "http_status": 101, "subprotocol": "chat", "compressed": False, "echo": "returned", "close_code": 1000})
        self.assertNotIn("error", report)
        self.assertNotIn("statistics", report)

    def test_chain(self):
        server = self.wss()
        url = f"wss://localhost:{server.port}/"
        leaf, root = self.report(url)["certificates"]
        self.assertEqual((leaf["depth"], root["depth"]), (0, 1))
        self.assertEqual(leaf["subject"], "CN=localhost")
        self.assertEqual(leaf["issuer"], root["subject"])
        self.assertEqual(leaf["names"], ["localhost", "*.test", "127.0.0.1", "::1"])
        self.assertEqual((leaf["not_before"], leaf["not_after"]), ("2020-01-01T00:00:00Z", "2049-12-31T00:00:00Z"))
        self.assertEqual((leaf["key_type"], leaf["key_bits"]), ("EC", 256))
        self.assertEqual((leaf["verified"], leaf["problem"], leaf["expires_soon"]), (True, "", False))
        self.assertIn(root["days_left"], (3648, 3649, 3650))
        out = self.well(url)
        self.assertIn("names localhost, *.test, 127.0.0.1, ::1", out)
        self.assertIn("2020-01-01 - 2049-12-31", out)
        self.assertRegex(out, r"\n  0  CN=localhost\n(.*\n)*  1  CN=leat ca\n")

    def test_proxy_over_tls(self):
        proxy = self.serve("connect", "--tls", "--resolve", "inside.test=127.0.0.1")
        secure, plain = self.wss(), self.serve("echo")
        with open(certificates.path("both.pem"), "w", encoding="ascii") as both:
            for path in (proxy.ca, certificates.path("ca.pem")):
                with open(path, encoding="ascii") as one:
                    both.write(one.read())
        arguments = ["--ca", certificates.path("both.pem"), "--proxy", f"https://localhost:{proxy.port}"]
        hops = [f"localhost:{proxy.port}", f"inside.test:{secure.port}"]
        report = self.report(*arguments, f"wss://inside.test:{secure.port}/")
        self.assertEqual(self.names(report["phases"])[1:6], ["tcp", "tls", "http-proxy", "tls", "websocket"])
        self.assertEqual([tls["hop"] for tls in report["tls"]], hops)
        self.assertEqual([(row["hop"], row["depth"]) for row in report["certificates"]],
                         [(hop, depth) for hop in hops for depth in (0, 1)])
        report = self.report(*arguments, f"ws://inside.test:{plain.port}/")
        self.assertEqual([tls["hop"] for tls in report["tls"]], hops[:1])

    def test_tls_1_2(self):
        server = self.wss()
        (tls,) = self.report("--tls-max", "1.2", f"wss://localhost:{server.port}/")["tls"]
        self.assertEqual(tls["protocol"], "TLSv1.2")
        self.assertTrue(tls["group"] and tls["signature_algorithm"])

    def test_insecure_shows_the_chain_unverified(self):
        server = self.serve("echo", "--cert-fault", "expired")
        report = self.report("--insecure", f"wss://127.0.0.1:{server.port}/")
        leaf = report["certificates"][0]
        self.assertEqual((leaf["depth"], leaf["verified"], leaf["problem"]), (0, False, ""))
        self.assertLess(leaf["days_left"], 0)
        self.assertIn("not verified", self.well("--insecure", f"wss://127.0.0.1:{server.port}/"))

    def test_no_echo(self):
        server = self.serve("echo", "--fault", "message=skip;ping=skip")
        report = self.report("--no-echo", f"ws://127.0.0.1:{server.port}/")
        self.assertEqual(self.names(report["phases"]), ["tcp", "websocket", "close"])
        self.assertEqual(report["websocket"]["echo"], "none")

    def test_server_that_answers_pings_only(self):
        server = self.serve("echo", "--fault", "message=skip")
        url = f"ws://127.0.0.1:{server.port}/"
        report = self.report("--echo-timeout", "400ms", url)
        self.assertEqual(report["websocket"]["echo"], "pong only")
        self.assertIn("the message did not come back", self.well("--echo-timeout", "400ms", url))

    # ---- certificates that are about to expire

    def expiring(self, days):
        server = self.wss(certificate=certificates.issue_for_days(f"days-{days}", days))
        url = f"wss://localhost:{server.port}/"
        return self.report(url)["certificates"][0], self.well(url), url

    def test_expires_soon(self):
        leaf, out, url = self.expiring(5)
        self.assertIn(leaf["days_left"], (4, 5))
        self.assertIs(leaf["expires_soon"], True)
        self.assertRegex(out, r"[45] days left, expires soon")
        self.assertRegex(self.well("--lang", "zh", url), r"剩余 [45] 天, 即将过期")
        status, shown = peers.run_in_terminal(PROGRAM, "check", "--ca", certificates.path("ca.pem"), url, width=100)
        self.assertEqual(status, 0)
        self.assertRegex(shown, "\033\\[33m[^\033]* days left, expires soon\033\\[0m")

    def test_does_not_expire_soon(self):
        leaf, out, _ = self.expiring(20)
        self.assertIn(leaf["days_left"], (19, 20))
        self.assertIs(leaf["expires_soon"], False)
        self.assertNotIn("expires soon", out)

    # ---- failures: the mark, the code, and what to do

    def assert_failure(self, arguments, phase, code, status, not_reached=(), text=""):
        report = self.report(*arguments, status=status)
        self.assertIs(report["ok"], False)
        self.assertEqual((report["failed_phase"], report["error"]["code"]), (phase, code), report["error"])
        self.assertIn(text, report["error"]["text"])
        (failed,) = [row for row in report["phases"] if not row["ok"]]
        self.assertEqual((failed["name"], failed["code"]), (phase, code))
        known = explain(code, "en")
        for member in ("description", "causes", "remedies"):
            self.assertEqual(report[member], known[member])

        for language, mark in (("en", "failed"), ("zh", "失败")):
            result = self.trusted("--lang", language, *arguments)
            self.assertEqual((result.returncode, result.stderr), (status, b""))
            known = explain(code, language)
            rows = result.out.split("\n")
            (marked,) = [row for row in rows if row.startswith("x ") and "|" in row]
            self.assertIn(f"{mark} {code}", marked)
            (head,) = [row for row in rows if f": {code} {known['message']}" in row]
            self.assertTrue(head.startswith("failed at " if language == "en" else "失败于 "), head)
            self.assertIn(known["description"], result.out)
            for line in known["causes"] + known["remedies"]:
                self.assertIn(f"- {line}\n", result.out)
            unreached = [row for row in rows if row.startswith("- ")]
            self.assertEqual(len(unreached), len(not_reached))
            if language == "en":
                self.assertTrue(marked.startswith(f"x {phase} "), marked)
                self.assertEqual([row.split()[1] for row in unreached], list(not_reached))
        return report

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

    def test_http_proxy_that_refuses(self):
        proxy = self.serve("connect", "--fault", "reply=refuse 407")
        report = self.assert_failure(["--proxy", f"http://127.0.0.1:{proxy.port}", "wss://server.test/"], "http-proxy",
                                     200, 5, ["tls", "websocket", "echo"], "407")
        self.assertEqual(report["proxies"], 1)

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
        certificates.issue("old", ("20200101000000Z", "20210101000000Z"))
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
            certificates.issue("just-now", ("20200101000000Z", end.strftime("%Y%m%d%H%M%SZ")))
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
                                     CODE_ECHO_SILENT, 9, [], "neither the message nor a Pong")
        self.assertEqual(report["websocket"]["echo"], "silent")

    def test_url_that_is_none(self):
        for url in ("http://server.test/", "wss://", "no url"):
            result = run(url)
            self.assertEqual((result.returncode, result.out), (2, ""), url)
            self.assertIn(b"2302001", result.stderr)
            report = json.loads(run("--json", url).out)
            self.assertEqual((report["error"]["code"], report["phases"]), (2302001, []))
            self.assertIsNone(report["failed_phase"])

    def test_ca_file_that_is_missing(self):
        result = run("--ca", "/nonexistent/ca.pem", "wss://127.0.0.1:9/")
        self.assertEqual((result.returncode, result.out), (2, ""))
        self.assertIn(b"2302002", result.stderr)
        self.assertIn(b"/nonexistent/ca.pem", result.stderr)

    # ---- deadlines and second tries

    def test_deadlines(self):
        for kind, fault, phase, code, status in (
                ("socks5", "method=stall", "socks5", 2301211, 5), ("echo", "accept=stall", "tls", 2303502, 6),
                ("echo", "upgrade=stall", "websocket", 200, 8)):
            server = self.serve(kind, "--fault", fault)
            urls = {"socks5": ["--proxy", server.url, "ws://inside.test/"], "tls": [server.url.replace("ws:", "wss:")],
                    "websocket": [server.url]}
            report = self.report("--timeout", "300ms", *urls[phase], status=status)
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

        server = self.serve("echo", "--fault", redirect)
        report = self.report("--redirects", "2", server.url, status=8)
        self.assertEqual((report["failed_phase"], len(report["phases"])), ("websocket", 6))
        out = self.trusted("--redirects", "2", server.url).out
        self.assertEqual([row[0] for row in out.split("\n") if "websocket " in row and "|" in row], [">", ">", "x"])
        self.assertEqual(out.count("not reached"), 1)

    # ---- many addresses

    def test_both_families(self):
        server = self.serve("echo")
        dns = self.start(peers.Dns({"both.example": ["::1", "127.0.0.1"]}))
        arguments = ["--dns", f"127.0.0.1:{dns.port}", f"ws://both.example:{server.port}/"]
        report = self.report(*arguments)
        rows = {row["address"]: row for row in report["addresses"]}
        self.assertEqual(rows[f"127.0.0.1:{server.port}"]["outcome"], "used")
        refused = [row for row in report["addresses"] if row["outcome"] == "failed"]
        for row in refused:  # none where this machine has no IPv6
            self.assertEqual(row["address"], f"[::1]:{server.port}")
            self.assertIn(row["code"], (2301111, 2301099, 2301101))
        out = self.well(*arguments)
        self.assertRegex(out, rf"\n  127\.0\.0\.1:{server.port} +\d+\.\d{{3}} ms  used\n")
        if refused:
            self.assertRegex(out, rf"\n  \[::1\]:{server.port} +\d+\.\d{{3}} ms  E[A-Z]+ ")

    # ---- many connections

    def test_statistics_are_those_of_the_samples(self):
        server = self.wss()
        report = self.report("--repeat", "7", f"wss://localhost:{server.port}/")
        self.assertEqual((report["runs"], len(report["samples"]), report["failed"]), (7, 7, 0))
        self.assertEqual(self.names(report["statistics"]),
                         ["dns", "tcp", "tls", "websocket", "echo", "close", "connect"])
        for row in report["statistics"]:
            if row["name"] == "connect":
                values = [sample["connect_ms"] for sample in report["samples"]]
            else:
                values = [phase["ms"] for sample in report["samples"] for phase in sample["phases"]
                          if phase["name"] == row["name"]]
            self.assertEqual(row["count"], 7)
            self.assertAlmostEqual(row["median_ms"], statistics.median(values), delta=0.001)
            self.assertEqual((row["min_ms"], row["p99_ms"], row["max_ms"]), (min(values), max(values), max(values)))
        first = {phase["name"]: phase["ms"] for phase in report["phases"]}
        self.assertEqual(first, {phase["name"]: phase["ms"] for phase in report["samples"][0]["phases"]})

    def test_percentile_of_many(self):
        server = self.serve("echo")
        report = self.report("--repeat", "200", "--no-echo", f"ws://127.0.0.1:{server.port}/")
        for row in report["statistics"][:-1]:
            values = sorted(phase["ms"] for sample in report["samples"] for phase in sample["phases"]
                            if phase["name"] == row["name"])
            self.assertEqual(row["p99_ms"], values[197], "the nearest rank of 200")
            self.assertAlmostEqual(row["median_ms"], statistics.median(values), delta=0.001)

    def test_second_connection_is_resumed(self):
        # `leat serve` gives out no sessions
        server = peer.Server("--cert", certificates.path("server.pem"), "--key", certificates.path("server.key"))
        self.addCleanup(server.stop)
        url = server.url(scheme="wss")
        for version in ("1.2", "1.3"):
            report = self.report("-n", "3", "--tls-max", version, url)
            self.assertEqual([sample["resumed"] for sample in report["samples"]], [False, True, True])
            self.assertEqual(report["resumed"], 2)
            self.assertIs(report["tls"][0]["resumed"], False)
        self.assertIn("3 connections, 2 resumed, 0 failed", self.well("-n", "3", url))
        self.assertIn("3 次连接，2 次会话恢复，0 次失败", self.well("-n", "3", "--lang", "zh", url))
        self.assertEqual(self.report("-n", "3", "--no-resume", url)["resumed"], 0)

    def test_one_of_many_fails(self):
        server = self.serve("echo", "--fault", "connection=3;upgrade=refuse 404")
        url = f"ws://127.0.0.1:{server.port}/"
        report = self.report("-n", "5", url, status=8)
        self.assertEqual((report["runs"], report["failed"], report["ok"]), (5, 1, False))
        self.assertEqual([sample.get("code") for sample in report["samples"]], [None, None, 200, None, None])
        self.assertTrue(all(phase["ok"] for phase in report["phases"]), "the first one was well")
        self.assertEqual(report["failed_phase"], "websocket")
        counts = {row["name"]: row["count"] for row in report["statistics"]}
        self.assertEqual((counts["tcp"], counts["websocket"], counts["connect"]), (5, 4, 4))

    def test_interrupt_ends_the_counting(self):
        server = self.serve("echo")
        process = subprocess.Popen(
            [PROGRAM, "check", "--json", "-n", "10000", f"ws://127.0.0.1:{server.port}/"], stdout=subprocess.PIPE,
            env=peer.environment())
        server.wait_for(5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        report = json.loads(out)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(4 <= report["runs"] < 10000, report["runs"])
        self.assertEqual((len(report["samples"]), report["failed"]), (report["runs"], 0))

    def test_repeat_must_be_a_number(self):
        for value in ("0", "-1", "many", "10001"):
            result = run("--repeat=" + value, "ws://127.0.0.1:9/")
            self.assertEqual(result.returncode, 2)
            self.assertIn(b"--repeat", result.stderr)

    # ---- two ways

    def test_compare(self):
        server = self.wss()
        proxy = self.serve("socks5", "--resolve", "inside.test=127.0.0.1")
        arguments = ["--compare", "--proxy", f"socks5h://127.0.0.1:{proxy.port}", "-n", "3",
                     f"wss://127.0.0.1:{server.port}/"]
        report = self.report(*arguments)
        self.assertEqual((server.count, proxy.count), (6, 3))
        self.assertEqual(self.names(report["comparison"]), ["tcp", "socks5", "tls", "websocket", "echo", "close"])
        for row in report["comparison"]:
            for way in ("direct", "proxied"):
                medians = {line["name"]: line["median_ms"] for line in report[way]["statistics"]}
                self.assertEqual(row[way + "_ms"], medians.get(row["name"]))
        self.assertIsNone(report["comparison"][1]["direct_ms"])
        self.assertEqual((report["direct"]["resumed"], report["proxied"]["resumed"]), (0, 0), "none has a start")
        self.assertEqual(report["proxied"]["phases"][0]["hop"], f"127.0.0.1:{proxy.port}")

        rows = self.well(*arguments).rstrip("\n").split("\n")
        self.assertEqual(rows[0].split(), ["direct", "proxied", "difference"])
        table = {row.split("  ")[1].strip(): row.split()[-3:] for row in rows[1:]}
        self.assertEqual(list(table), ["tcp", "socks5", "tls", "websocket", "echo", "close", "until open"])
        self.assertRegex(rows[2], r"^  socks5 +- +\d+\.\d{3}$")
        for name, (direct, proxied, difference) in table.items():
            if name != "socks5":
                self.assertAlmostEqual(float(proxied) - float(direct), float(difference), delta=0.0011)
                self.assertIn(difference[0], "+-")

    def test_compare_when_only_the_proxy_gets_there(self):
        server = self.wss()
        proxy = self.serve("socks5", "--resolve", "inside.test=127.0.0.1")
        dns = self.start(peers.Dns({}))
        arguments = ["--compare", "--proxy", f"socks5h://127.0.0.1:{proxy.port}", "--dns", f"127.0.0.1:{dns.port}",
                     f"wss://inside.test:{server.port}/"]
        report = self.report(*arguments, status=3)
        self.assertEqual((report["direct"]["ok"], report["proxied"]["ok"]), (False, True))
        self.assertEqual(report["direct"]["failed_phase"], "dns")
        out = self.trusted(*arguments).out
        self.assertRegex(out, r"\ndirect\nx dns .*failed 2301113\n- tcp +not reached\n- tls ")
        self.assertNotIn("- proxy", out)
        self.assertIn("failed at dns", out)

    def test_compare_when_the_proxy_fails(self):
        server = self.serve("echo")
        proxy = self.serve("socks5", "--fault", "reply=refuse 2")
        result = run("--compare", "--proxy", f"socks5h://127.0.0.1:{proxy.port}", f"ws://127.0.0.1:{server.port}/")
        self.assertEqual(result.returncode, 5)
        self.assertRegex(result.out, r"\nproxied\n  tcp .*\nx socks5 .*failed 2301208\n")

    def test_compare_needs_a_proxy(self):
        result = run("--compare", "ws://127.0.0.1:9/")
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--compare needs --proxy", result.stderr)

    def test_no_password_is_shown(self):
        holder, port = peers.refusing_port()
        self.addCleanup(holder.close)
        for form in ((), ("--json",), ("--compare",)):
            result = run(*form, "--proxy", f"socks5h://user:sesame@127.0.0.1:{port}", f"ws://127.0.0.1:{port}/")
            self.assertNotIn(b"sesame", result.stdout + result.stderr)

    # ---- language and terminal

    def test_language_of_the_environment(self):
        server = self.serve("echo")
        url = f"ws://127.0.0.1:{server.port}/"
        self.assertIn("消息回显", self.well(url, LANG="zh_CN.UTF-8"))
        self.assertIn("消息回显", self.well(url, LANG="en_US.UTF-8", LC_ALL="zh_CN.UTF-8"))
        self.assertNotIn("消息回显", self.well("--lang", "en", url, LANG="zh_CN.UTF-8"))
        self.assertNotIn("消息回显", self.well(url, LANG="de_DE.UTF-8"))

    def test_chinese_lines_up(self):
        server = self.wss()
        proxy = self.serve("socks5", "--resolve", "inside.test=127.0.0.1")
        arguments = ["--lang", "zh", "--proxy", f"socks5h://127.0.0.1:{proxy.port}"]
        rows = self.well(*arguments, "-n", "2", f"wss://127.0.0.1:{server.port}/").split("\n")
        bars = [row for row in rows if "|" in row]
        self.assertEqual(len(bars), 6)
        self.assertEqual(len({peers.columns(row[:row.index("|")]) for row in bars}), 1)
        self.assertEqual(len({peers.columns(row[:row.rindex("|")]) for row in bars}), 1)
        head = next(i for i, row in enumerate(rows) if "中位数" in row)
        table = [row for row in rows[head:] if row]
        self.assertEqual(len(table), 8)
        self.assertEqual(len({peers.columns(row) for row in table}), 1)

    def test_terminal(self):
        server = self.wss("--fault", "upgrade=refuse 404")
        for width in (80, 60, 132):
            status, shown = peers.run_in_terminal(PROGRAM, "check", "--ca", certificates.path("ca.pem"), f"wss://localhost:{server.port}/",
                                            width=width, LANG="C.UTF-8")
            self.assertEqual(status, 8)
            self.assertIn("\033[31mx websocket", shown)
            self.assertIn("\033[32m█", shown)
            plain = re.sub("\033\\[\\d+m", "", shown)
            rows = [row for row in plain.split("\n") if "|" in row]
            self.assertEqual(len(rows), 4)
            self.assertTrue(all(peers.columns(row) <= width for row in rows), rows)

    def test_no_color(self):
        server = self.serve("echo")
        url = f"ws://127.0.0.1:{server.port}/"
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            status, shown = peers.run_in_terminal(PROGRAM, "check", url, **variables)
            self.assertEqual(status, 0)
            self.assertNotIn("\033", shown)

    def test_pipe_gets_no_colours(self):
        server = self.wss("--fault", "upgrade=refuse 404")
        self.assertNotIn("\033", self.trusted(f"wss://localhost:{server.port}/", TERM="xterm").out)

    def test_broken_pipe_is_quiet(self):
        server = self.serve("echo")
        result = subprocess.run(
            ["sh", "-c", '"$0" check "$1" | true', PROGRAM, f"ws://127.0.0.1:{server.port}/"],
            capture_output=True, timeout=60)
        self.assertEqual((result.stdout, result.stderr), (b"", b""))


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
