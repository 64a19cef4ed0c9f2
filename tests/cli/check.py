#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat check`: what it finds and how it shows it.

usage: check.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import re
import signal
import statistics
import subprocess

import check_case as case
import check_peers as peers
import peer
from patience import patience

setUpModule = case.set_up_module


class Check(case.Case):
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
        self.assertEqual(leaf["names"], ["localhost", "inside.test", "127.0.0.1", "::1"])
        self.assertEqual((leaf["not_before"], leaf["not_after"]), ("2020-01-01T00:00:00Z", "2049-12-31T00:00:00Z"))
        self.assertEqual((leaf["key_type"], leaf["key_bits"]), ("EC", 256))
        self.assertEqual((leaf["verified"], leaf["problem"], leaf["expires_soon"]), (True, "", False))
        self.assertIn(root["days_left"], (3648, 3649, 3650))
        out = self.well(url)
        self.assertIn("names localhost, inside.test, 127.0.0.1, ::1", out)
        self.assertIn("2020-01-01 - 2049-12-31", out)
        self.assertRegex(out, r"\n  0  CN=localhost\n(.*\n)*  1  CN=leat ca\n")

    def test_proxy_over_tls(self):
        proxy = self.serve("connect", "--tls", "--resolve", "inside.test=127.0.0.1")
        secure, plain = self.wss(), self.serve("echo")
        arguments = ["--proxy-ca", proxy.ca, "--proxy", f"https://localhost:{proxy.port}"]
        hops = [f"localhost:{proxy.port}", f"inside.test:{secure.port}"]
        report = self.report(*arguments, f"wss://inside.test:{secure.port}/")
        self.assertEqual(self.names(report["phases"])[1:6], ["tcp", "tls", "http-proxy", "tls", "websocket"])
        self.assertEqual([tls["hop"] for tls in report["tls"]], hops)
        self.assertEqual([(row["hop"], row["depth"]) for row in report["certificates"]],
                         [(hop, depth) for hop in hops for depth in (0, 1)])
        report = self.report(*arguments, f"ws://inside.test:{plain.port}/")
        self.assertEqual([tls["hop"] for tls in report["tls"]], hops[:1])

    def test_rounds_of_authentication(self):
        proxy, server = self.serve("connect", "-u", "user:secret"), self.serve("echo")
        to = f"127.0.0.1:{proxy.port}"
        report = self.report("-x", f"http://user:secret@{to}", server.url)
        self.assertEqual(self.names(report["phases"])[:4], ["tcp", "http-proxy", "proxy-auth", "websocket"])
        self.assertEqual((report["phases"][2]["hop"], report["phases"][2]["text"]), (to, "Basic of Basic: accepted"))
        self.assertIn("| Basic of Basic: accepted\n", self.well("-x", f"http://user:secret@{to}", server.url))

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
        report = self.report(url)
        self.assertEqual(report["websocket"]["echo"], "pong only")
        self.assertIn("the message did not come back", self.well(url))

    # ---- certificates that are about to expire

    def expiring(self, days):
        server = self.wss(certificate=case.certificates.issue_for_days(f"days-{days}", days))
        url = f"wss://localhost:{server.port}/"
        return self.report(url)["certificates"][0], self.well(url), url

    def test_expires_soon(self):
        leaf, out, url = self.expiring(5)
        self.assertIn(leaf["days_left"], (4, 5))
        self.assertIs(leaf["expires_soon"], True)
        self.assertRegex(out, r"[45] days left, expires soon")
        self.assertRegex(self.well("--lang", "zh", url), r"剩余 [45] 天, 即将过期")
        status, shown = peers.run_in_terminal(case.PROGRAM, "check", "--ca", case.certificates.path("ca.pem"), url, width=100)
        self.assertEqual(status, 0)
        self.assertRegex(shown, "\033\\[33m[^\033]* days left, expires soon\033\\[0m")

    def test_does_not_expire_soon(self):
        leaf, out, _ = self.expiring(20)
        self.assertIn(leaf["days_left"], (19, 20))
        self.assertIs(leaf["expires_soon"], False)
        self.assertNotIn("expires soon", out)

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
        server = peer.Server("--cert", case.certificates.path("server.pem"), "--key", case.certificates.path("server.key"))
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
        # Neither is possible here; both fall back.
        self.assertEqual(self.report("-n", "3", "--early-data", "--fast-open", url)["resumed"], 2)

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
        server = self.serve("echo", "--fault", "upgrade=delay 50")  # 10,000 take too long for any stall of ours
        process = subprocess.Popen(
            [case.PROGRAM, "check", "--json", "-n", "10000", f"ws://127.0.0.1:{server.port}/"], stdout=subprocess.PIPE,
            env=peer.environment())
        server.wait_for(5)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=patience(10))
        report = json.loads(out)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(4 <= report["runs"] < 10000, report["runs"])
        self.assertEqual((len(report["samples"]), report["failed"]), (report["runs"], 0))

    def test_repeat_must_be_a_number(self):
        for value in ("0", "-1", "many", "10001"):
            result = case.run("--repeat=" + value, "ws://127.0.0.1:9/")
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
        result = case.run("--compare", "--proxy", f"socks5h://127.0.0.1:{proxy.port}", f"ws://127.0.0.1:{server.port}/")
        self.assertEqual(result.returncode, 5)
        self.assertRegex(result.out, r"\nproxied\n  tcp .*\nx socks5 .*failed 2301208\n")

    def test_compare_needs_a_proxy(self):
        result = case.run("--compare", "ws://127.0.0.1:9/")
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--compare needs --proxy", result.stderr)

    def test_no_password_is_shown(self):
        holder, port = peers.refusing_port()
        self.addCleanup(holder.close)
        for form in ((), ("--json",), ("--compare",)):
            result = case.run(*form, "--proxy", f"socks5h://user:sesame@127.0.0.1:{port}", f"ws://127.0.0.1:{port}/")
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
            status, shown = peers.run_in_terminal(case.PROGRAM, "check", "--ca", case.certificates.path("ca.pem"), f"wss://localhost:{server.port}/",
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
            status, shown = peers.run_in_terminal(case.PROGRAM, "check", url, **variables)
            self.assertEqual(status, 0)
            self.assertNotIn("\033", shown)

    def test_pipe_gets_no_colours(self):
        server = self.wss("--fault", "upgrade=refuse 404")
        self.assertNotIn("\033", self.trusted(f"wss://localhost:{server.port}/", TERM="xterm").out)

    def test_broken_pipe_is_quiet(self):
        server = self.serve("echo")
        result = subprocess.run(
            ["sh", "-c", '"$0" check "$1" | true', case.PROGRAM, f"ws://127.0.0.1:{server.port}/"],
            capture_output=True, timeout=patience(20))
        self.assertEqual((result.stdout, result.stderr), (b"", b""))


class TlsOptions(case.Case):
    """What the tool passes on to TLS; that it is obeyed is tested with the library."""

    def test_pins(self):
        url = f"wss://localhost:{self.wss().port}/"
        wrong = "sha256//" + "A" * 43 + "="
        report = self.report("--pinned-pubkey", wrong, url, status=7)
        self.assertEqual(report["error"]["code"], 2303504)
        pin = re.search(r"the server's is (sha256/\S+=)", report["error"]["text"]).group(1)
        self.report("--pinned-pubkey", wrong + ";" + pin.replace("/", "//", 1), url)
        self.report("--pinned-pubkey", wrong, "--insecure", url, status=7)
        for value in ("", ";", "md5//AAAA", wrong + ";x", ";".join([wrong] * 33)):
            result = case.run("--pinned-pubkey", value, url)
            self.assertEqual((result.returncode, result.out), (2, ""), value)
            self.assertIn(b"--pinned-pubkey: ", result.stderr)

    def test_groups_and_names(self):
        url = f"wss://127.0.0.1:{self.wss().port}/"
        self.assertEqual(self.report("--groups", "P-384", url)["tls"][0]["group"], "secp384r1")
        self.assertIn(b'unknown group "p256"; is it P-256. Known: ', case.run("--groups", "p256", url).stderr)
        self.report("--servername", "localhost", url)
        report = self.report("--servername", "elsewhere.example", url, status=7)
        self.assertIn("elsewhere.example", report["error"]["text"])
        self.assertEqual(case.run("--servername", "", url).returncode, 2)

    def test_revocation_lists(self):
        certificates = case.certificates
        certificates.issue("revoked", ("20200101000000Z", "20491231000000Z"))
        url = f"wss://localhost:{self.wss(certificate='revoked.pem').port}/"
        more = ["-config", "openssl.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"]
        certificates.openssl("ca", *more, "-gencrl", "-crldays", "30", "-out", "none.crl")
        certificates.openssl("ca", *more, "-revoke", "revoked.pem")
        certificates.openssl("ca", *more, "-gencrl", "-crldays", "30", "-out", "one.crl")
        self.report("--crl", certificates.path("none.crl"), url)
        report = self.report("--crl", certificates.path("one.crl"), url, status=7)
        self.assertIn("revoked", report["error"]["text"])
        for path, status in ((certificates.path("server.pem"), 7), ("/nowhere.crl", 2), (certificates.directory, 2)):
            self.assertEqual(case.run("--crl", path, url).returncode, status, path)


if __name__ == "__main__":
    case.main()
