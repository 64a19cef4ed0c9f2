#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat check --conformance` and `leat serve conformance`: servers, proxies and clients that others wrote are judged as is
known of them, and the faults of bad ones are found by name.

usage: conformance.py PROGRAM [CLASS...]     PROGRAM is the tool `leat`, CLASS one of the classes of tests
"""
import fnmatch
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import bad_proxy_client
import bad_websocket
from patience import patience

PROGRAM = None
TIMEOUT_S = patience(120)
PATIENCE = f"{max(2, patience(1) // 2)}s"  # of the judge, with those that make it wait
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR")}
ENVIRONMENT["NODE_PATH"] = "/usr/share/nodejs"

WEBSOCKETS = """
import asyncio, websockets
async def echo(ws, *path):
    async for message in ws:
        await ws.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=2**20) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
"""
AIOHTTP = """
import asyncio
from aiohttp import web, WSMsgType
async def echo(request):
    ws = web.WebSocketResponse(max_msg_size=2**20 + 1)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws
async def main():
    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Future()
asyncio.run(main())
"""
NODE_WS = """
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: { threshold: 0 }, maxPayload: 1 << 20 },
    () => console.log(server.address().port));
server.on("connection", ws => {
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    ws.on("error", () => {});
});
"""


def run(*arguments, status=None):
    result = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, env=ENVIRONMENT,
                            stdin=subprocess.DEVNULL, check=False)
    assert status is None or result.returncode == status, (result.returncode, result.stdout[-2000:], result.stderr)
    return result


class Case(unittest.TestCase):
    maxDiff = None

    def program(self, *command):
        """Starts a server that prints its port."""
        log = tempfile.TemporaryFile()
        self.addCleanup(log.close)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=ENVIRONMENT)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        port = process.stdout.readline().strip()
        if not port:
            log.seek(0)
            self.fail(log.read().decode())
        return port

    def leat(self, *arguments):
        """Starts a server of ours on a free port. Its URL."""
        return self.leat_start(*arguments).readline().strip()

    def leat_tls(self, *arguments):
        """The URL of an echo, and its CA."""
        lines = self.leat_start("echo", *arguments)
        return lines.readline().strip(), lines.readline().strip().removeprefix("ca: ")

    def leat_start(self, *arguments):
        process = subprocess.Popen([PROGRAM, "serve", *arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(process.communicate)
        self.addCleanup(process.terminate)  # it takes away its certificates
        return process.stdout

    def judge(self, url, *arguments):
        """The report, and the verdicts by id."""
        result = run("check", "--conformance", "--json", *arguments, url)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode, 1 if report["fail"] or report["not_run"] == len(report["cases"]) else 0)
        return report, {case["id"]: case["verdict"] for case in report["cases"]}

    def expect_failures(self, verdicts, patterns, report):
        """What has failed is what the patterns say, and each pattern has one."""
        failed = [name for name, verdict in verdicts.items() if verdict == "fail"]
        others = [name for name in failed if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
        self.assertEqual([case for case in report["cases"] if case["id"] in others], [])
        unseen = [pattern for pattern in patterns if not fnmatch.filter(failed, pattern)]
        self.assertEqual(unseen, [], failed)


# What a small server is asked: all that can go wrong with it, and no more.
SMALL = ("upgrade.plain,upgrade.byte-by-byte,length.text.*,length.*-bit*.ping,reserved.rsv3.*,opcode.*,mask.*.25,control.*,fragments.bad.*,"
         "fragments.two.*,utf8.*.1,close.*,!length.*1048576")


class WebSocketServers(Case):
    def test_python_websockets(self):
        report, verdicts = self.judge("ws://127.0.0.1:%s/" % self.program("/usr/bin/python3", "-c", WEBSOCKETS))
        for name in ("upgrade.plain", "length.text.65536", "utf8.valid.all", "close.empty", "deflate.texts.plain",
                     "endurance.ping-flood.125"):
            self.assertEqual(verdicts[name], "pass", name)
        self.expect_failures({k: v for k, v in verdicts.items() if not k.startswith(("upgrade.", "deflate"))}, [], report)

    def test_aiohttp(self):
        report, verdicts = self.judge("ws://127.0.0.1:%s/" % self.program("/usr/bin/python3", "-c", AIOHTTP),
                                      "--cases", "upgrade.plain,length.*,mask.text.*,control.*,utf8.*,fragments.*")
        for name in ("upgrade.plain", "length.text.65536", "utf8.valid.all", "control.ping.ten"):
            self.assertEqual(verdicts[name], "pass", name)
        self.assertEqual(verdicts["mask.text.25"], "fail", "aiohttp takes frames without a mask")

    def test_node_ws(self):
        report, verdicts = self.judge("ws://127.0.0.1:%s/" % self.program("node", "-e", NODE_WS))
        for name in ("upgrade.plain", "length.text.1048576", "utf8.fast.frame", "close.code.4999.reason", "deflate.noise.window-9"):
            self.assertIn(verdicts[name], ("pass", "non-strict"), name)
        self.expect_failures({k: v for k, v in verdicts.items() if not k.startswith(("upgrade.", "deflate-offer"))}, [], report)

    def test_leat(self):
        for arguments in ((), ("--deflate",)):
            report, verdicts = self.judge(self.leat("echo", *arguments))
            self.expect_failures(verdicts, [], report)
            self.assertLess(report["not_run"], 100)

    def test_certificates(self):
        some = ("--cases", "upgrade.plain,length.text.125,close.code.1000")
        url, ca = self.leat_tls("--tls")
        result = run("check", "--conformance", *some, url, status=7)
        self.assertIn("its certificate is not accepted: ", result.stderr)
        for arguments in (("--ca", ca), ("--insecure",)):
            report, verdicts = self.judge(url, *some, *arguments)
            self.assertEqual(set(verdicts.values()), {"pass"}, report)
        for fault in ("wrong-host", "expired"):
            url, ca = self.leat_tls("--cert-fault", fault)
            run("check", "--conformance", *some, "--ca", ca, url, status=7)

    def test_one_that_talks_on_and_on(self):
        """Neither a case nor the run waits for it for ever."""
        server = bad_websocket.Server("pings-forever")
        self.addCleanup(server.close)
        report, verdicts = self.judge(server.url, "--patience", "1s", "--cases", "upgrade.plain,length.text.*,close.code.*")
        self.assertNotIn("pass", verdicts.values())
        self.assertGreater(report["not_run"], 0)
        self.assertGreater(report["fail"], 0)

    def bad(self, *faults, cases=SMALL):
        server = bad_websocket.Server(*faults)
        self.addCleanup(server.close)
        return self.judge(server.url, "--patience", PATIENCE, "--cases", cases)

    def test_no_fault(self):
        report, verdicts = self.bad()
        self.assertEqual([case for case in report["cases"] if case["verdict"] != "pass"], [])

    def test_faults_are_found(self):
        for fault, patterns in {
            "no-mask-check": ["mask.*"],
            "no-utf8-check": ["utf8.invalid.*", "utf8.invalid-*.1", "close.reason.not-utf8.*"],
            "no-rsv-check": ["reserved.*"],
            "no-opcode-check": ["opcode.*"],
            "no-fragment-check": ["fragments.bad.*"],
            "empty-pongs": ["control.ping.*", "control.pong.unasked"],
            "any-close-code": ["close.bad-code.*", "close.one-byte"],
            "no-control-check": ["control.long.*", "control.fragmented.*", "close.reason.124"],
            "wrong-accept": ["*"],
            "masks-frames": ["*"],
            "stays-open": ["close.*", "*"],
        }.items():
            with self.subTest(fault):
                cases = SMALL if patterns != ["*"] and "*" not in patterns else "upgrade.plain,length.text.1,close.code.1000"
                report, verdicts = self.bad(fault, cases=cases)
                self.expect_failures(verdicts, patterns, report)
                self.assertGreater(report["fail"], 0)

    def test_a_violation_that_harms_others(self):
        report, _ = self.bad("harms-others", cases="upgrade.key-missing,length.text.1")
        self.assertTrue(any("another connection" in case["seen"] for case in report["cases"]), report)


AUTOBAHN_WEBSOCKETS = """
import asyncio, sys, websockets
async def main(url):
    async with websockets.connect(url + "/getCaseCount") as ws:
        count = int(await ws.recv())
    for number in range(1, count + 1):
        try:
            async with websockets.connect(f"{url}/runCase?case={number}&agent=websockets%2010", max_size=2**20) as ws:
                async for message in ws:
                    await ws.send(message)
        except Exception:
            pass
    async with websockets.connect(url + "/updateReports?agent=websockets%2010"):
        pass
asyncio.run(main(sys.argv[1]))
"""
AUTOBAHN_NODE_WS = """
const WebSocket = require("ws"), url = process.argv[1], done = [];
let count = 0, now = 0;
const first = new WebSocket(url + "/getCaseCount");
first.on("message", data => { count = +data; });
first.on("close", next);
function status() {
    new WebSocket(url + `/getCaseStatus?case=1&agent=ws`).on("message", text => done.push(JSON.parse(text).behavior)).on("close", info);
}
function info() {
    new WebSocket(url + `/getCaseInfo?case=1`).on("message", text => done.push(JSON.parse(text).id)).on("close", () => {
        console.log(done.join(" "));
        new WebSocket(url + "/updateReports?agent=ws");
    });
}
function next() {
    if (++now > count)
        return status();
    const ws = new WebSocket(url + `/runCase?case=${now}&agent=ws`, { maxPayload: 1 << 20, perMessageDeflate: { threshold: 0 } });
    ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    ws.on("error", () => {});
    ws.on("close", next);
}
"""


class Clients(Case):
    def serve(self, *arguments):
        process = subprocess.Popen([PROGRAM, "serve", "conformance", "--port", "0", "--json", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process, process.stderr.readline().strip()

    def result(self, process):
        text = process.stdout.read()
        self.assertEqual(process.stderr.read(), "")
        process.wait(TIMEOUT_S)
        report = json.loads(text)
        self.assertEqual(process.returncode, 1 if report["fail"] or report["not_run"] == len(report["cases"]) else 0)
        return report, {case["id"]: case["verdict"] for case in report["cases"]}

    def autobahn(self, *command):
        judge, url = self.serve("--cases", "answer.*,request.*,mask.*,fragments.*,close.code.*,utf8.*.2,deflate.texts.*,deflate.bomb.plain")
        done = subprocess.run([*command, url], env=ENVIRONMENT, timeout=TIMEOUT_S, check=True, stdout=subprocess.PIPE, text=True)
        return *self.result(judge), done.stdout

    def test_python_websockets(self):
        report, verdicts, _ = self.autobahn("/usr/bin/python3", "-c", AUTOBAHN_WEBSOCKETS)
        self.assertEqual(report["agent"], "websockets 10")
        self.assertEqual(report["not_run"], 0)
        for name in ("answer.glued", "request.key-fresh", "mask.keys", "fragments.controls.text", "deflate.texts.plain"):
            self.assertEqual(verdicts[name], "pass", name)
        self.expect_failures({k: v for k, v in verdicts.items() if not k.startswith("answer.")}, [], report)

    def test_node_ws(self):
        report, verdicts, told = self.autobahn("node", "-e", AUTOBAHN_NODE_WS)
        self.assertEqual((report["agent"], report["not_run"]), ("ws", 0))
        self.assertEqual(told, "OK answer.plain\n")
        for name in ("answer.glued", "request.waits", "utf8.invalid.2", "deflate.texts.window-12-no-takeover"):
            self.assertEqual(verdicts[name], "pass", name)
        self.assertEqual(verdicts["answer.http-1.0"], "fail", "ws takes a 101 of HTTP/1.0")

    def bad(self, *faults, cases):
        judge, url = self.serve("--patience", PATIENCE, "--cases", cases)
        listed = json.loads(run("serve", "conformance", "--list", "--json", "--cases", cases, status=0).stdout)
        bad_websocket.Client(url, *faults).run(len(listed["cases"]))
        return self.result(judge)

    CASES = ("answer.plain,answer.glued*,answer.accept-wrong,answer.status-400,answer.status-like-101,request.*,mask.*.25,length.text.12*,"
             "reserved.rsv3.*,control.ping.*,utf8.*.1,close.bad-code.999,close.code.1000")

    def test_no_fault(self):
        report, _ = self.bad(cases=self.CASES)
        self.assertEqual([case for case in report["cases"] if case["verdict"] != "pass"], [])

    def test_faults_are_found(self):
        for fault, patterns in {
            "no-accept-check": ["answer.accept-wrong"],
            "no-status-check": ["answer.status-like-101"],
            "loses-glued": ["answer.glued*"],
            "same-key": ["request.key-fresh"],
            "no-mask-check": ["mask.*.25"],
            "no-utf8-check": ["utf8.invalid*.1"],
            "no-rsv-check": ["reserved.*"],
            "empty-pongs": ["control.ping.*"],
            "any-close-code": ["close.bad-code.999"],
            "echoes-twice": ["*"],
        }.items():
            with self.subTest(fault):
                cases = {"echoes-twice": "answer.plain,length.text.12*", "loses-glued": "answer.glued*"}.get(fault, self.CASES)
                report, verdicts = self.bad(fault, cases=cases)
                self.expect_failures(verdicts, patterns, report)

    def test_a_command_is_run_for_each_case(self):
        command = f"'{PROGRAM}' ws \"$LEAT_URL\" </dev/null >/dev/null 2>&1"
        result = run("serve", "conformance", "--port", "0", "--json", "--cases", "request.key,request.line,request.key-fresh", "--run", command)
        report = json.loads(result.stdout)
        self.assertEqual((report["pass"], len(report["cases"])), (3, 3), report)

    def test_a_command_that_does_nothing(self):
        result = run("serve", "conformance", "--port", "0", "--cases", "request.key,request.line", "--run", "exit 3", status=1)
        self.assertIn("2 not run", result.stdout)

    def test_nobody_comes(self):
        result = run("serve", "conformance", "--port", "0", "--idle", "100ms", "--cases", "request.key", status=1)
        self.assertRegex(result.stdout, r"^ws://127.0.0.1:\d+\n(?s:.*) 1 not run\n$")

    def test_a_client_that_floods(self):
        judge, url = self.serve("--patience", "1s", "--cases", "request.key,answer.plain")
        where = url.split(":")[-1]
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", int(where))) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n")
                try:
                    for _ in range(64):
                        connection.sendall(bytes(1 << 20))
                except OSError:
                    pass
        _, verdicts = self.result(judge)
        self.assertEqual(verdicts["answer.plain"], "fail")


class Proxies(Case):
    def proxy(self, make):
        """Starts a proxy on a free port, which MAKE makes a command of."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        process = subprocess.Popen(make(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except ConnectionRefusedError:
                self.assertIsNone(process.poll())
                time.sleep(0.05)
        self.fail("the proxy does not listen")

    def test_microsocks(self):
        port = self.proxy(lambda port: ["microsocks", "-i", "127.0.0.1", "-p", str(port), "-u", "a", "-P", "b"])
        report, verdicts = self.judge(f"socks5://a:b@127.0.0.1:{port}", "--cases", "!request.data-behind,!request.one-write")
        self.assertEqual(report["subject"], "socks5-proxy")
        for name in ("request.ipv4", "request.name", "auth.wrong-password", "reply.target-first", "tunnel.large", "endurance.many"):
            self.assertEqual(verdicts[name], "pass", name)
        self.expect_failures(verdicts, ["request.byte-by-byte", "request.name-nul"], report)

    def test_tinyproxy(self):
        with tempfile.NamedTemporaryFile("w") as config:
            port = self.proxy(lambda port: [config.write(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n"), config.flush(),
                                            ["tinyproxy", "-d", "-c", config.name]][-1])
            report, verdicts = self.judge(f"http://127.0.0.1:{port}")
        self.assertEqual(report["subject"], "connect-proxy")
        for name in ("request.ipv4", "request.byte-by-byte", "reply.refused", "reply.target-first", "tunnel.large", "endurance.many"):
            self.assertEqual(verdicts[name], "pass", name)
        self.expect_failures(verdicts, ["request.host-*", "request.userinfo", "request.blank-in-name"], report)

    def test_leat(self):
        report, verdicts = self.judge(self.leat("socks5", "--user", "a:b"))
        self.expect_failures(verdicts, [], report)
        self.assertEqual([name for name, verdict in verdicts.items() if verdict == "not-run"], ["request.one-write"])
        for kind in ("connect", "http"):
            report, verdicts = self.judge(self.leat(kind, "--user", "a:b"))
            self.expect_failures(verdicts, [], report)
            self.assertEqual((verdicts["auth.again"], verdicts["auth.wrong"]), ("pass", "pass"))

    def test_faults_are_found(self):
        for kind, fault, cases in (("socks5", "method=04,00", "greeting.methods-255"), ("socks5", "reply=05,00,00,09", "request.ipv4"),
                                   ("socks5", "reply=05,00,01,01,00,00,00,00,00,00", "request.ipv4"),
                                   ("socks5", "auth-reply=05,00", "auth.right"), ("socks5", "relay=drop-after 1000", "tunnel.large"),
                                   ("connect", "reply=refuse 500", "request.ipv4"), ("connect", "relay=drop-after 1000", "tunnel.large")):
            with self.subTest(fault):
                user = ("--user", "a:b") if "auth" in fault else ()
                report, verdicts = self.judge(self.leat(kind, "--fault", fault, *user), "--patience", PATIENCE, "--cases", cases)
                self.expect_failures(verdicts, [cases], report)


class ProxyClients(Clients):
    """Only what is new; what Clients tests is not run again."""

    def judge_client(self, kind, *faults, cases=None):
        arguments = ("--cases", cases) if cases else ()
        judge, url = self.serve("--" + kind, "--patience", PATIENCE, *arguments)
        listed = json.loads(run("serve", "conformance", "--" + kind, "--list", "--json", *arguments, status=0).stdout)
        bad_proxy_client.Client(url, *faults).run(len(listed["cases"]))
        return self.result(judge)

    def test_no_fault(self):
        for kind in ("socks5", "connect"):
            report, verdicts = self.judge_client(kind)
            self.assertEqual(report["subject"], kind + "-client")
            self.assertEqual([case for case in report["cases"] if case["verdict"] not in ("pass", "informational")], [])

    def test_faults_are_found(self):
        for kind, fault, pattern in (("socks5", "ignores-method", "method.*"), ("socks5", "ignores-reply", "reply.rep-*"),
                                     ("socks5", "reads-once", "*byte-by-byte"), ("socks5", "loses-glued", "reply.*-glued"),
                                     ("connect", "ignores-reply", "reply.5*"), ("connect", "no-100", "reply.10*-first"),
                                     ("connect", "takes-length", "reply.content-length"), ("connect", "loses-glued", "reply.glued")):
            with self.subTest(fault):
                report, verdicts = self.judge_client(kind, fault, cases=pattern)
                self.expect_failures(verdicts, ["*"], report)

    def test_curl(self):
        if not shutil.which("curl"):
            print("left out: curl as a client of proxies: it is not installed")
            return
        command = "curl -s -m 60 -x \"$LEAT_URL\" http://leat.test/ >/dev/null"
        report = json.loads(run("serve", "conformance", "--port", "0", "--json", "--socks5", "--run", command, "--cases",
                                "reply.ipv4,reply.ipv6,reply.name,reply.rep-5,method.ff,auth.form").stdout)
        self.assertEqual([case for case in report["cases"] if case["verdict"] != "pass"], [])


for inherited in [name for name in vars(Clients) if name.startswith("test_") and name not in vars(ProxyClients)]:
    setattr(ProxyClients, inherited, None)


class CommandLine(Case):
    def test_mistakes(self):
        for arguments, text in (
                (("check", "--conformance", "tcp://127.0.0.1/"), "needs a URL"),
                (("serve", "conformance", "--socks5", "--connect"), "two runs"),
                (("serve", "conformance", "--cert", "x"), "go together"),
                (("check", "--conformance", "ws://127.0.0.1/", "--cases", "no-such"), "no case is called 'no-such'"),
                (("check", "--list", "ws://127.0.0.1/"), "need --conformance"),
                (("check", "--conformance", "--watch", "ws://127.0.0.1/"), "goes with neither"),
                (("check", "--conformance", "-x", "socks5://127.0.0.1", "ws://127.0.0.1/"), "goes without --proxy"),
                (("check", "--conformance", "--parallel", "0", "ws://127.0.0.1/"), "at least 1"),
                (("check", "--conformance", "--patience", "0", "ws://127.0.0.1/"), "1 ms"),
        ):
            result = run(*arguments, status=2)
            self.assertIn(text, result.stderr)
            self.assertEqual(result.stdout, "")

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = "ws://127.0.0.1:%u/" % listener.getsockname()[1]
        result = run("check", "--conformance", url, status=4)
        self.assertIn("cannot be reached", result.stderr)

    def test_list(self):
        text = run("check", "--conformance", "--list", "ws://x/", status=0).stdout
        listed = json.loads(run("check", "--conformance", "--list", "--json", "ws://x/", status=0).stdout)
        self.assertEqual(listed["subject"], "websocket-server")
        for case in listed["cases"]:
            self.assertIn(f"  {case['id']} ", text)
            self.assertNotIn("verdict", case)
        some = json.loads(run("check", "--conformance", "--list", "--json", "--cases", "utf8.valid.*,!utf8.valid.1", "ws://x/",
                              status=0).stdout)
        self.assertNotIn("utf8.valid.1", [case["id"] for case in some["cases"]])
        self.assertIn("utf8.valid.2", [case["id"] for case in some["cases"]])

    def test_table_and_strict(self):
        server = bad_websocket.Server("any-close-code")
        self.addCleanup(server.close)
        text = run("check", "--conformance", "--cases", "close.bad-code.999,close.code.1000", server.url, status=1).stdout
        self.assertRegex(text, r"RFC 6455 section 7 +1 pass, 1 failed\n  FAIL +close.bad-code.999 ")
        self.assertRegex(text, r"\n2 cases in [\d.]+ s: 1 pass, 1 failed\n$")
        self.assertIn("expected: Close 1002\n", text)
        self.assertNotIn("close.code.1000 ", text)
        text = run("check", "--conformance", "-v", "--cases", "close.code.1000", server.url, status=0).stdout
        self.assertIn("close.code.1000 ", text)
        run("check", "--conformance", "--strict", "--cases", "deflate.texts.plain,close.code.1000", server.url, status=1)

    def test_control_c(self):
        with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
            process = subprocess.Popen([PROGRAM, "check", "--conformance", "ws://127.0.0.1:%u/" % listener.getsockname()[1]],
                                       stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
            first, _ = listener.accept()
            second, _ = listener.accept()
            self.addCleanup(second.close)
            first.close()
            process.send_signal(signal.SIGINT)
            text = process.communicate(timeout=TIMEOUT_S)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("not run", text)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
