#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mistakes that people make, and the line that helps them: a table, in both languages.

usage: mistakes.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import check_peers as peers
import peer
from mistake_peers import Says, http
from patience import at_least, patience

PROGRAM = peer.program()
SHORT = None  # the deadline of those who wait in vain


def setUpModule():
    global folder, certificates, dns, refused, SHORT
    SHORT = at_least(0.5)
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    folder = directory.name
    certificates = peers.Certificates(folder)
    certificates.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=me",
                         "-days", "10", "-keyout", "me.key", "-out", "me.pem")
    certificates.openssl("ec", "-in", "me.key", "-aes128", "-passout", "pass:secret", "-out", "locked.key")
    for name, content in (("nonsense.pem", "nonsense\n"), ("wrong.txt", "wrong\n")):
        with open(path(name), "w", encoding="ascii") as file:
            file.write(content)
    dns = peers.Dns({"a.test": ["127.0.0.1"]})
    unittest.addModuleCleanup(dns.close)
    holder, refused = peers.refusing_port()
    unittest.addModuleCleanup(holder.close)


def path(name):
    return os.path.join(folder, name)


class Case(unittest.TestCase):
    maxDiff = None

    def serve(self, *arguments):
        server = peers.Serve(PROGRAM, *arguments)
        self.addCleanup(server.close)
        return server

    def says(self, *answers, **how):
        server = Says(*answers, **how)
        self.addCleanup(server.close)
        return server.port

    def ws(self, *answers, path="/", **how):
        return [f"ws://127.0.0.1:{self.says(*answers, **how)}{path}"]

    def wss(self, *answers, **how):
        return [f"wss://127.0.0.1:{self.says(*answers, **how)}/"]

    def through(self, kind, *answers, user="", **how):
        return ["-x", f"{kind}://{user}127.0.0.1:{self.says(*answers, **how)}", "ws://server.test/"]

    def run_check(self, arguments, *more, **variables):
        return subprocess.run([PROGRAM, "check", *more, *arguments], capture_output=True, timeout=patience(20),
                              env=peer.environment(**variables))

    def judge(self, name, arguments, status, english, chinese, heading=None, **variables):
        """Both languages tell this remedy, as a line of its own, and so does the JSON."""
        with self.subTest(name):
            report = json.loads(self.run_check(arguments, "--json", **variables).stdout)
            self.assertIn("error", report, f"{name}: it went well")
            error = report["error"]
            said = f"{error['code']} {error['text']}"
            self.assertIn(english, "\n".join(report["remedies"]), said)
            if heading:
                self.assertEqual(report["heading"], heading)
            for language, line in (("en", english), ("zh", chinese)):
                result = self.run_check(arguments, "--lang", language, **variables)
                shown = (result.stdout + result.stderr).decode("utf-8")
                self.assertEqual(result.returncode, status, shown)
                told = [row for row in shown.split("\n") if line in row]
                self.assertEqual(len(told), 1, f"{name}: {line}\n{shown}")
            return report


class Names(Case):
    def test_table(self):
        servers = ["--dns", f"127.0.0.1:{dns.port}"]
        silent = ["--dns", f"127.0.0.1:{self.says()}", "--timeout", SHORT]
        for name, arguments, status, english, chinese, heading in (
                ("no such name", [*servers, "wss://nope.test/"], 3, "Check the spelling of the host in the URL.",
                 "检查 URL 中主机名的拼写", "The host name was not found."),
                ("DNS is silent", [*silent, "wss://nope.test/"], 3, "name a DNS server with --dns",
                 "用 --dns 指定 DNS 服务器", "No DNS server answered."),
                ("name of a SOCKS5 proxy", [*servers, "-x", "socks5h://nope.test", "ws://server.test/"], 5,
                 "Check the host of -x", "检查 -x 的主机名", "The proxy's name was not resolved."),
                ("name of an HTTP proxy", [*servers, "-x", "http://nope.test:8080", "ws://server.test/"], 3,
                 "Check the host of -x", "检查 -x 的主机名", "The proxy's name was not resolved."),
                ("name behind a SOCKS5 proxy that does not resolve",
                 [*servers, "-x", f"socks5://127.0.0.1:{refused}", "ws://nope.test/"], 3,
                 "let a proxy there resolve it (-x socks5h://...)", "让那里的代理解析", "The host name was not found.")):
            report = self.judge(name, arguments, status, english, chinese, heading)
            shown = self.run_check(arguments).stdout.decode()
            self.assertNotIn("No route to host.", shown.split("\nfailed at ")[-1].split("\n")[0])
            self.assertIn(report["error"]["code"], (2301113, 2301110, 2301206), "the code stays")


class Tcp(Case):
    def test_table(self):
        silent = self.says(end="stay")
        for name, arguments, status, english, chinese in (
                ("refused", [f"ws://127.0.0.1:{refused}/"], 4, "Start the server, or correct host and port of the URL",
                 "启动服务器，或更正 URL 的主机和端口"),
                ("reset", self.ws(end="reset"), 4, "try wss:// instead of ws://", "用 wss:// 代替 ws://"),
                ("proxy is away", ["-x", f"socks5h://127.0.0.1:{refused}", "ws://server.test/"], 5,
                 "Start the proxy, or correct host and port of -x", "启动代理，或更正 -x 的主机和端口"),
                ("HTTP proxy is away", ["-x", f"http://127.0.0.1:{refused}", "ws://server.test/"], 5,
                 "Start the proxy, or correct host and port of -x", "启动代理，或更正 -x 的主机和端口"),
                ("nothing comes", ["--timeout", SHORT, f"ws://127.0.0.1:{silent}/"], 8,
                 "try wss:// instead of ws:// (or the reverse)", "用 wss:// 代替 ws://（或反之）")):
            self.judge(name, arguments, status, english, chinese)


class Socks5(Case):
    def test_proxies(self):
        # Whoever runs the tests may have a ticket.
        os.environ.update(KRB5_CONFIG="/dev/null", KRB5CCNAME="FILE:/dev/null/none")
        proxy = self.serve("socks5", "-u", "user:secret")
        tls = self.serve("echo", "--tls")
        to = f"127.0.0.1:{proxy.port}"
        for name, arguments, english, chinese in (
                ("password is wanted", ["-x", f"socks5h://{to}", "ws://server.test/"],
                 "-x socks5h://USER:PASSWORD@HOST:PORT, or --proxy-user", "-x socks5h://用户:密码@主机:端口，或 --proxy-user"),
                ("method 2 that was not offered", self.through("socks5h", b"\5\2"),
                 "-x socks5h://USER:PASSWORD@HOST:PORT, or --proxy-user", "-x socks5h://用户:密码@主机:端口，或 --proxy-user"),
                ("password is wrong", ["-x", f"socks5h://user:other@{to}", "ws://server.test/"],
                 "Correct user name and password in -x or --proxy-user", "更正 -x 或 --proxy-user 中的用户名和密码"),
                ("GSSAPI", self.through("socks5h", b"\5\1"), "Have the proxy accept a user name and a password",
                 "让代理接受用户名和密码"),
                ("no Kerberos ticket", ["--proxy-auth", "negotiate", *self.through("socks5h", b"\5\1")],
                 "Get one with kinit USER@REALM", "用 kinit 用户@域 获取票据"),
                ("GSS-API is refused", ["--proxy-auth", "negotiate", "--socks5-protection", "integrity",
                                        *self.through("socks5h", b"\5\xff")],
                 "If it wants Kerberos: --proxy-auth negotiate", "若要求 Kerberos：--proxy-auth negotiate"),
                ("it is an HTTP proxy", self.through("socks5h", http("400 Bad Request")),
                 "Write -x http://HOST:PORT instead of socks5h://", "用 -x http://主机:端口 代替 socks5h://"),
                ("it is SOCKS4", self.through("socks5h", b"\0\x5b\0\0\0\0\0\0"), "Write -x socks4a://HOST:PORT instead",
                 "用 -x socks4a://主机:端口 代替 socks5h://"),
                ("it is no SOCKS4", self.through("socks4a", b"\5\xff"), "socks5h:// or http:// instead of socks4a://",
                 "用 socks5h:// 或 http:// 代替 socks4a://"),
                ("SOCKS4 asks identd", self.through("socks4a", b"\0\x5d\0\0\0\0\0\0"), "-x socks4a://USER@HOST:PORT",
                 "-x socks4a://用户@主机:端口"),
                ("SOCKS4 rejects", self.through("socks4a", b"\0\x5b\0\0\0\0\0\0"), "see the proxy's log", "查看代理日志"),
                ("it closes", self.through("socks5h"), "http:// or https:// instead of socks5h://",
                 "用 http:// 或 https:// 代替 socks5h://"),
                ("it speaks TLS", ["--timeout", SHORT, "-x", f"socks5h://127.0.0.1:{tls.port}", "ws://server.test/"],
                 "is written http:// or https://", "应写作 http:// 或 https://"),
                ("it is silent", ["--timeout", SHORT, *self.through("socks5h", end="stay")],
                 "is written http:// or https://", "应写作 http:// 或 https://"),
                ("it closes at the request", self.through("socks5h", b"\5\0", b""),
                 "as the proxy sees them; see the proxy's log", "从代理一侧检查 URL 的主机和端口")):
            self.judge(name, arguments, 5, english, chinese)
        self.judge("SOCKS4 has no IPv6", ["-x", f"socks4://{to}", "ws://[::1]/"], 2, "Use a proxy of SOCKS5 or HTTP",
                   "改用 SOCKS5 或 HTTP 代理")

    def test_replies(self):
        for reply, english, chinese in (
                (1, "see the proxy's log", "查看代理日志"), (2, "Ask whoever runs the proxy to allow it", "请代理管理员放行"),
                (3, "socks5h:// lets the proxy do it", "socks5h:// 由代理解析"),
                (4, "Check the host of the URL, as the proxy sees it", "从代理一侧检查 URL 的主机名"),
                (5, "Start the server, or correct host and port of the URL", "启动服务器，或更正 URL 的主机和端口"),
                (6, "the firewalls behind the proxy", "代理之后的防火墙"), (8, "-x socks5:// instead of socks5h://", "-x socks5:// 代替"),
                (0xf0, "Check the onion address", "检查 onion 地址"), (0xf4, "ClientOnionAuthDir", "ClientOnionAuthDir")):
            arguments = self.through("socks5h", b"\5\0", bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            self.judge(f"reply {reply}", arguments, 5, english, chinese)


class HttpProxy(Case):
    def test_table(self):
        asks = "Proxy-Authenticate: Basic realm=office"
        tls = self.serve("connect", "--tls")
        to_tls = f"127.0.0.1:{tls.port}"
        for name, arguments, status, english, chinese in (
                ("407", self.through("http", http("407 Proxy Authentication Required", asks)), 5,
                 "-x http://USER:PASSWORD@HOST:PORT, or --proxy-user", "-x http://用户:密码@主机:端口，或 --proxy-user"),
                ("407 with a password", self.through("http", http("407 Denied", asks), user="u:p@"), 5,
                 "Correct user name and password in -x or --proxy-user", "更正 -x 或 --proxy-user 中的用户名和密码"),
                ("407 by what is not there", self.through("http", http("407 Denied", "Proxy-Authenticate: NTLM"), user="u:p@"), 5,
                 "Have the proxy offer Digest or Basic", "让代理提供 Digest 或 Basic"),
                ("it cannot prove who it is",
                 self.through("http", http("407 Who", 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"'),
                              b'HTTP/1.1 200 OK\r\nProxy-Authentication-Info: rspauth="00"\r\n\r\n', user="u:p@"), 5,
                 "Or its keytab or its list of passwords is broken", "可能有人居中"),
                ("403", self.through("http", http("403 Forbidden")), 5, "allow CONNECT to port 443 only", "只允许 CONNECT 到 443"),
                ("405: a web server", self.through("http", http("405 Method Not Allowed")), 5,
                 "socks5h:// instead of http://", "用 socks5h:// 代替 http://"),
                ("502", self.through("http", http("502 Bad Gateway")), 5, "as the proxy sees them; see the proxy's log",
                 "从代理一侧检查 URL 的主机和端口"),
                ("429", self.through("http", http("429 Too Many", "Retry-After: 7")), 5, "Wait as long as Retry-After says",
                 "按 Retry-After 所示的时间等待"),
                ("it is SOCKS5", self.through("http", b"\5\xff"), 5, "Write -x socks5h://HOST:PORT instead of http://",
                 "用 -x socks5h://主机:端口 代替 http://"),
                ("it is SOCKS5 that closes", ["-x", f"http://127.0.0.1:{self.serve('socks5').port}", "ws://server.test/"], 5,
                 "-x socks5h:// or -x https:// instead of http://", "用 -x socks5h:// 或 -x https:// 代替 http://"),
                ("it answers with a TLS alert", self.through("http", b"\x15\3\3\0\2\2\x0a"), 5,
                 "Write -x https://HOST:PORT instead of http://", "用 -x https://主机:端口 代替 http://"),
                ("it is silent", ["--timeout", SHORT, *self.through("http", end="stay")], 5,
                 "-x socks5h:// or -x https:// instead of http://", "用 -x socks5h:// 或 -x https:// 代替 http://"),
                ("https:// to a plain one", self.through("https", http("400 Bad Request")), 6,
                 "Write -x http://HOST:PORT instead of https://", "用 -x http://主机:端口 代替 https://"),
                ("its CA is unknown", ["-x", f"https://{to_tls}", "ws://server.test/"], 7, "--proxy-ca FILE", "--proxy-ca 文件")):
            self.judge(name, arguments, status, english, chinese)


class Tls(Case):
    def test_ports(self):
        for name, arguments, status, english, chinese in (
                ("plain HTTP", self.wss(http("400 Bad Request")), 6, "Try ws:// instead of wss://", "用 ws:// 代替 wss://"),
                ("silent", ["--timeout", SHORT, *self.wss(end="stay")], 6, "Try ws:// instead of wss://", "用 ws:// 代替 wss://"),
                ("closes", self.wss(), 6, "try ws:// instead of wss://", "用 ws:// 代替 wss://"),
                ("SSH", self.wss(b"SSH-2.0-OpenSSH_9.2\r\n", first=True, end="stay"), 6, "Correct the port of the URL.",
                 "更正 URL 的端口"),
                ("TLS alert to ws", self.ws(b"\x15\3\3\0\2\2\x0a"), 8, "Try wss:// instead of ws://", "用 wss:// 代替 ws://"),
                ("TLS server to ws", [f"ws://127.0.0.1:{self.serve('echo', '--tls').port}/"], 8, "Try wss:// instead of ws://",
                 "用 wss:// 代替 ws://"),
                ("nginx at its TLS port", self.ws(http("400 Bad Request", body="The plain HTTP request was sent to HTTPS port")),
                 8, "Try wss:// instead of ws://", "用 wss:// 代替 ws://"),
                ("SSH to ws", self.ws(b"SSH-2.0-OpenSSH_9.2\r\n", first=True, end="stay"), 8, "Correct the port of the URL.",
                 "更正 URL 的端口")):
            self.judge(name, arguments, status, english, chinese)

    def test_certificates(self):
        server = self.serve("echo", "--tls")
        report = self.judge("unknown CA", [server.url], 7, "--ca FILE", "--ca 文件")
        self.assertIn("issuer CN=leat testing CA", report["error"]["text"], "whose it is")
        for fault, english, chinese in (
                ("expired", "Have the server's certificate renewed.", "更新服务器的证书"),
                ("not-yet-valid", "Check the clock of this machine", "检查本机时钟"),
                ("wrong-host", "Use a host of the certificate in the URL", "在 URL 中使用证书里的主机名"),
                ("wrong-usage", "contains serverAuth", "含 serverAuth"), ("weak-key", "at least 2048 bits", "至少 2048 位"),
                ("sha1", "SHA-256", "SHA-256"), ("self-signed", "trust the certificate itself: --ca FILE", "直接信任该证书：--ca 文件"),
                ("missing-intermediate", "send its intermediate certificates", "同时发送中间证书")):
            server = self.serve("echo", "--cert-fault", fault)
            report = self.judge(fault, ["--ca", server.ca, server.url], 7, english, chinese)
            if fault in ("expired", "wrong-host"):
                other = {"expired": "host", "wrong-host": "clock"}[fault]
                self.assertNotIn(other, "\n".join(report["remedies"]), "only what fits")

    def test_client_certificates(self):
        server = self.serve("echo", "--cert", path("server.pem"), "--key", path("server.key"), "--client-ca", path("ca.pem"))
        to = ["--ca", path("ca.pem"), f"wss://localhost:{server.port}/"]
        own = ["--cert", path("me.pem"), "--key"]
        for name, arguments, status, english, chinese in (
                ("wanted", to, 6, "Give --cert FILE and --key FILE.", "给出 --cert 文件 和 --key 文件"),
                ("wanted by TLS 1.2", ["--tls-max", "1.2", *to], 6, "--cert FILE --key FILE", "--cert 文件 --key 文件"),
                ("of an unknown CA", [*own, path("me.key"), *to], 6, "of a CA that the server trusts", "服务器信任的 CA"),
                ("other key", [*own, path("server.key"), *to], 7, "Give the key of this certificate: --key FILE",
                 "给出该证书的私钥：--key 文件"),
                ("encrypted key", [*own, path("locked.key"), *to], 6, "--key-password FILE", "--key-password 文件"),
                ("wrong password", [*own, path("locked.key"), "--key-password", path("wrong.txt"), *to], 6,
                 "Correct the first line of the file of --key-password", "更正 --key-password 文件的第一行"),
                ("no certificate", ["--cert", path("nonsense.pem"), "--key", path("me.key"), *to], 7, "Give PEM files",
                 "请给出 PEM 文件"),
                ("no file", ["--cert", path("none.pem"), "--key", path("me.key"), *to], 2, "Correct the path of --ca, --cert or --key",
                 "更正详情中指出的 --ca、--cert 或 --key 的路径"),
                ("no CA file", ["--ca", path("none.pem"), "wss://localhost:9/"], 2, "Correct the path of --ca, --cert or --key",
                 "更正详情中指出的 --ca、--cert 或 --key 的路径"),
                ("no CA in the file", ["--ca", path("nonsense.pem"), "wss://localhost:9/"], 7, "Give a PEM file",
                 "请给出 PEM 文件")):
            report = self.judge(name, arguments, status, english, chinese)
            self.assertNotIn("port", "\n".join(report["remedies"]))

    def test_no_ca_bundle(self):
        without = ["unshare", "-rm", "/bin/sh", "-c", 'mount -t tmpfs none /etc/ssl && exec "$0" "$@"']
        if subprocess.run([*without, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no mounts of its own for this user")
        if any(os.path.exists(path) for path in ("/etc/pki", "/etc/ssl.pem")):
            self.skipTest("this system keeps its CAs elsewhere, too")
        for language, line in (("en", "the package ca-certificates), or name one with --ca FILE."),
                               ("zh", "软件包 ca-certificates），或用 --ca 文件 指定。")):
            result = subprocess.run([*without, PROGRAM, "check", "--lang", language, "wss://127.0.0.1:9/"],
                                    capture_output=True, timeout=patience(20), env=peer.environment(), check=False)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn(line, result.stderr.decode("utf-8"))

    def test_alerts(self):
        old = self.serve("echo", "--tls", "--tls-max", "1.2")
        self.judge("version", ["--tls-min", "1.3", "--ca", old.ca, old.url], 6, "Leave out --tls-min and --tls-max",
                   "去掉 --tls-min 和 --tls-max")
        for alert, english, chinese in (
                (40, "--ciphers LIST", "--ciphers 列表"), (112, "Check the host of the URL", "检查 URL 的主机名"),
                (116, "Give --cert FILE and --key FILE", "给出 --cert 文件"), (120, "leat speaks HTTP/1.1 only", "leat 只支持 HTTP/1.1")):
            self.judge(f"alert {alert}", self.wss(bytes([21, 3, 3, 0, 2, 2, alert])), 6, english, chinese)


class Upgrade(Case):
    def test_statuses(self):
        for status, english, chinese in (
                ("200 OK", "Check the path of the URL", "检查 URL 的路径"),
                ("301 Moved Permanently", "Follow with -L", "用 -L 5 跟随（不够则加大）"),
                ("302 Found", "Follow with -L", "用 -L 5 跟随（不够则加大）"),
                ("400 Bad Request", "a subprotocol (-s NAME), an Origin (--origin URL)", "子协议（-s 名称）、Origin（--origin URL）"),
                ("401 Unauthorized", "Give -u USER:PASSWORD", "给出 -u 用户:密码"),
                ("403 Forbidden", "--origin URL", "--origin URL"),
                ("404 Not Found", "Check the path of the URL", "检查 URL 的路径"),
                ("405 Method Not Allowed", "a WebSocket is opened by GET", "WebSocket 以 GET 打开"),
                ("407 Proxy Authentication Required", "-x http://USER:PASSWORD@HOST:PORT", "-x http://用户:密码@主机:端口"),
                ("421 Misdirected Request", "Check the host of the URL", "检查 URL 的主机名"),
                ("426 Upgrade Required", "must forward the headers Upgrade and Connection", "必须转发 Upgrade 和 Connection"),
                ("429 Too Many Requests", "Wait as long as Retry-After says", "按 Retry-After 所示的时间等待"),
                ("431 Too Large", "Fewer or shorter headers (-H)", "减少或缩短头部（-H）"),
                ("500 Internal Server Error", "See the server's log", "查看服务器日志"),
                ("502 Bad Gateway", "the server behind the gateway runs", "网关后端的服务器在运行"),
                ("503 Service Unavailable", "Wait as long as Retry-After says", "按 Retry-After 所示的时间等待"),
                ("511 Network Authentication Required", "Open any page in a browser", "在浏览器中打开任意网页"),
                ("418 Teapot", "leat explain http STATUS", "leat explain http 状态码")):
            self.judge(status, self.ws(http(status)), 8, english, chinese)

    def test_what_the_remedy_says_to_read_is_shown(self):
        headers = ("Location: wss://elsewhere.test/there", "WWW-Authenticate: Basic realm=\"in\"", "Retry-After: 30")
        url = self.ws(http("401 Unauthorized", *headers, body="\n\nask Bob\nfor a token\n"))
        report = json.loads(self.run_check(url, "--json").stdout)
        self.assertEqual(report["answer"], {
            "status": 401, "location": "wss://elsewhere.test/there", "www_authenticate": 'Basic realm="in"',
            "proxy_authenticate": None, "retry_after": "30", "body": "\n\nask Bob\nfor a token\n"})
        ws = subprocess.run([PROGRAM, "ws", *url, "-m", "x"], capture_output=True, env=peer.environment(), timeout=patience(20))
        for shown in (self.run_check(url).stdout, ws.stderr):
            for line in (b"wss://elsewhere.test/there", b'Basic realm="in"', b" 30\n", b"ask Bob\n"):
                self.assertIn(line, shown)
            self.assertNotIn(b"for a token", shown)
        closed = json.loads(subprocess.run([PROGRAM, "ws", *url, "-m", "x", "--json"], capture_output=True,
                                           env=peer.environment(), timeout=patience(20)).stdout.splitlines()[-1])
        self.assertEqual(closed["answer"], report["answer"])
        self.assertIn("Give -u USER:PASSWORD", "\n".join(closed["remedies"]))
        proxied = self.through("http", http("407 Denied", "Proxy-Authenticate: Basic realm=p", body="denied"))
        self.assertEqual(json.loads(self.run_check(proxied, "--json").stdout)["answer"]["proxy_authenticate"], "Basic realm=p")

    def test_handshakes(self):
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.judge("Sec-WebSocket-Accept", self.ws(head + b"Sec-WebSocket-Accept: abc=\r\n\r\n"), 8,
                   "Check that it is a WebSocket server at this path", "确认该路径是 WebSocket 服务器")


class Open(Case):
    def test_lost(self):
        for fault, heading, english, chinese in (
                ("close", "The open connection was lost.", "--ping keeps the connection alive", "--ping 可保持连接"),
                ("reset", "The open connection was reset.", "--ping keeps the connection alive", "--ping 可保持连接")):
            server = self.serve("echo", "--fault", f"message={fault}")
            self.judge(fault, [server.url], 9, english, chinese, heading)
            self.assertNotIn(b"connect failed", self.run_check([server.url]).stdout)
            ws = subprocess.run([PROGRAM, "ws", server.url, "-m", "x"], capture_output=True, env=peer.environment(),
                                timeout=patience(20))
            self.assertIn(heading.encode(), ws.stderr)
            self.assertNotIn(b"connect failed", ws.stderr)

    def test_silent(self):
        server = self.serve("echo", "--fault", "message=skip;ping=skip")
        self.judge("no echo", ["--echo-timeout", "200ms", server.url], 9, "--no-echo", "--no-echo", "The server did not answer.")

    def test_close_codes(self):
        for code, english, chinese in (
                (1001, "--reconnect does so by itself", "--reconnect 可自动进行"), (1003, "leat explain close CODE", "leat explain close"),
                (1008, "Authorization: Bearer TOKEN", "Authorization: Bearer 令牌"), (1011, "See the server's log", "查看服务器日志"),
                (1013, "Connect again later", "稍后重新连接"), (4321, "leat explain close CODE", "leat explain close")):
            server = self.serve("echo", "--fault", f"message=88,02,{code >> 8:02x},{code & 255:02x}")
            self.judge(f"close {code}", [server.url], 9, english, chinese, "The server closed the WebSocket.")

    def test_what_breaks_the_protocol(self):
        for name, frame in (("masked", "81,80,00,00,00,00"), ("RSV1", "c1,00")):
            server = self.serve("echo", "--fault", f"message={frame}")
            self.judge(name, [server.url], 9, "leat ws --trace shows its frames", "leat ws --trace 可显示其帧",
                       "The server broke the WebSocket protocol.")


class Terminals(Case):
    """Lines end at words, at the width of the terminal; in pipes they are as long as they are."""

    def test_widths(self):
        server = self.serve("echo", "--cert-fault", "wrong-host")
        commands = (["check", "--ca", server.ca, server.url], ["ws", "--ca", server.ca, "-m", "x", server.url],
                    ["explain", "2301115", "1006", "2303504"], ["serve", "socks5", "--fault", "relpy=close"],
                    ["check", "--watch=20ms", "--until", "fail", "--ca", server.ca, server.url])
        for command in commands:
            for language in ("C.UTF-8", "zh_CN.UTF-8"):
                whole = subprocess.run([PROGRAM, *command], capture_output=True, timeout=patience(20),
                                       env=peer.environment(LC_ALL=language))
                whole = (whole.stdout + whole.stderr).decode("utf-8")
                for width in (60, 80, 120):
                    _, shown = peers.run_in_terminal(PROGRAM, *command, width=width, LC_ALL=language, NO_COLOR="1")
                    with self.subTest(command=command, language=language, width=width):
                        for line in shown.split("\n"):
                            self.assertLessEqual(peers.columns(line), width, line)
                        if command[0] in ("explain", "serve"):
                            self.assertEqual("".join(shown.split()), "".join(whole.split()), "nothing is lost")
                            words = set(whole.split())
                            broken = [word for word in shown.split() if word.isascii() and word not in words]
                            self.assertFalse(broken if language == "C.UTF-8" else [], "no word is broken")


class Texts(Case):
    def test_every_option_that_a_text_names_exists(self):
        sources = Path(__file__).resolve().parents[2]
        texts = "".join((sources / name).read_text(encoding="utf-8") for name in (
            "tools/leat/situations.def", "src/codes/foreign/close.def", "src/codes/foreign/http.def",
            "src/codes/foreign/socks5_reply.def", "src/codes/foreign/alert.def"))
        tool = json.loads(subprocess.run([PROGRAM, "--describe"], capture_output=True, check=True,
                                         timeout=patience(20)).stdout)["tool"]
        options = [option for command in tool["commands"] if command["path"] in ("ws", "check")
                   for section in command["sections"] for option in section["options"]]
        named = {option["name"] for option in options}
        letters = {option["letter"] for option in options if "letter" in option}
        self.assertGreater(len(re.findall(r"--[a-z]", texts)), 50)
        self.assertEqual(set(re.findall(r"--([a-z][a-z0-9-]*[a-z0-9])", texts)) - named, set())
        self.assertEqual(set(re.findall(r"[ (：用]-([a-zA-Z0-9])[ )、.,]", texts.replace("ulimit -n", ""))) - letters, set())


class Urls(Case):
    def test_table(self):
        for url, english, chinese in (
                ("http://example.com", "Write ws:// instead of http://", "用 ws:// 代替 http://"),
                ("https://example.com", "wss:// instead of https://", "用 wss:// 代替 https://"),
                ("example.com/ws", "Put wss:// in front", "在前面加上 wss://"),
                ("wss://me:secret@example.com/", "-u USER:PASSWORD", "-u 用户:密码"),
                ("wss://example.com/#top", "written %23", "写作 %23"),
                ("wss:///path", "wss://host[:port]/path", "wss://host[:port]/path")):
            result = self.judge(url, [url], 2, english, chinese)
            self.assertNotIn("secret", json.dumps(result))

    def test_proxy_of_the_environment(self):
        self.judge("ALL_PROXY", ["-x", "system", "ws://server.test/"], 2, "Correct the variable that the detail names",
                   "修正详情中指出的变量", ALL_PROXY="socks5://u:p@1@h")


if __name__ == "__main__":
    unittest.main()
