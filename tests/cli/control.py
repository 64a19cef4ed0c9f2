#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `leat serve control`: as a program, and as what clients of toxiproxy expect.

usage: control.py PROGRAM     PROGRAM is the tool `leat`
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import serve
from patience import patience

TIMEOUT_S = patience(20)
HERE = pathlib.Path(__file__).resolve().parent
NODE_MODULES = HERE.parents[1] / "build" / "npm" / "node_modules"


class Greeter:
    """Says hello and ends, on each connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.upstream = "127.0.0.1:%u" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.greet, args=(connection,), daemon=True).start()

    @staticmethod
    def greet(connection):
        with connection, contextlib.suppress(OSError):  # who goes by a reset is not missed, and the next one is greeted
            connection.sendall(b"hello")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class ControlTest(unittest.TestCase):
    def setUp(self):
        self.control = serve.Serve("control", "--port", "0")
        self.addCleanup(self.control.clean_up)
        self.port = int(self.control.url.rsplit(":", 1)[1])
        self.greeter = Greeter()
        self.addCleanup(self.greeter.close)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def proxy(self, name="p", **members):
        status, proxy = self.ask("POST", "/proxies",
                                 {"name": name, "listen": "127.0.0.1:0", "upstream": self.greeter.upstream, **members})
        self.assertEqual(status, 201, proxy)
        return proxy

    @staticmethod
    def read(listen):
        host, port = listen.rsplit(":", 1)
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            data = b""
            while part := connection.recv(4096):
                data += part
            return data


class Program(ControlTest):
    def test_first_line_and_end(self):
        self.assertRegex(self.control.url, r"^http://127\.0\.0\.1:\d+$")
        self.assertEqual(self.ask("POST", "/servers", {"name": "w", "kind": "echo", "tls": True})[0], 201)
        self.assertEqual(self.control.end(), (0, "", ""))

    def test_usage(self):
        done = serve.run("serve", "control", "--host", "0.0.0.0", "--port", "0")
        self.assertEqual(done.returncode, 2)
        self.assertIn("token", done.stderr)
        done = serve.run("serve", "control", "--port", str(self.port))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"port {self.port}", done.stderr)

    def test_ends_with_its_input(self):
        control = serve.Serve("control", "--port", "0", "--until-eof")
        self.addCleanup(control.clean_up)
        control.process.stdin.close()
        self.assertEqual(control.process.wait(TIMEOUT_S), 0)


class Counts(ControlTest):
    def test_metrics(self):
        """The text format of Prometheus: a line of help and of type for each name, its samples behind it."""
        self.assertEqual(self.ask("POST", "/servers", {"name": 'a"b\\c', "kind": "echo", "faults": "accept=close"})[0], 201)
        proxy = self.proxy()
        self.assertEqual(self.read(proxy["listen"]), b"hello")
        self.assertEqual(self.ask("GET", "/servers/p/wait?idle=1")[0], 200)
        self.ask("POST", "/servers", {"name": "off", "kind": "echo", "enabled": False})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        samples, name = {}, None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                self.assertNotIn(name, {key.partition("{")[0] for key in samples})
            elif not line.startswith("# TYPE "):
                self.assertRegex(line, r'^%s\{server="(?:[^"\\]|\\.)*",kind="[a-z0-9]+"(,step="[a-z-]+")?\} \d+$' % name)
                key, _, value = line.rpartition(" ")
                samples[key] = int(value)
        self.assertEqual(samples['leat_testing_connections_total{server="p",kind="tcp"}'], 1)
        self.assertEqual(samples['leat_testing_sent_bytes_total{server="p",kind="tcp"}'], 5)
        self.assertEqual(samples['leat_testing_steps_total{server="p",kind="tcp",step="relay"}'], 1)
        self.assertIn('leat_testing_connections_total{server="a\\"b\\\\c",kind="websocket"}', samples)
        self.assertFalse(any('"off"' in key for key in samples))
        self.assertEqual(self.ask("POST", "/metrics")[0], 405)

    def test_events_that_are_lost_are_told(self):
        self.assertEqual(self.ask("POST", "/servers", {"name": "s", "kind": "echo", "faults": "accept=close"})[0], 201)
        port = self.ask("GET", "/servers/s")[1]["port"]
        for _ in range(2100):  # two events each
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S).close()
        self.assertEqual(self.ask("GET", "/servers/s/wait?step=end&count=2100&timeout_ms=600000")[0], 200)  # as much as may be asked for
        answer = self.ask("GET", "/servers/s/events")[1]
        self.assertEqual((answer["lost"], len(answer["events"])), (104, 4096))
        self.assertEqual([e["number"] for e in answer["events"]], list(range(104, 4200)))
        self.assertEqual(answer["events"][-1]["step"], "end")
        answer = self.ask("GET", "/servers/s/events?from=4198")[1]
        self.assertEqual((answer["lost"], len(answer["events"])), (0, 2))
        self.assertEqual(self.ask("GET", "/servers/s/seen")[1]["lost_events"], 104)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request("GET", "/servers/s/events?follow=1&from=50")
        stream = connection.getresponse()
        self.assertEqual(json.loads(stream.readline()), {"lost": 54})
        self.assertEqual(json.loads(stream.readline())["number"], 104)
        connection.close()


class Toxiproxy(ControlTest):
    """The shapes of its documentation."""

    def test_proxies(self):
        self.assertEqual(self.ask("GET", "/proxies"), (200, {}))
        proxy = self.proxy()
        self.assertEqual(proxy, {"name": "p", "listen": proxy["listen"], "upstream": self.greeter.upstream,
                                 "enabled": True, "toxics": []})
        self.assertEqual(self.read(proxy["listen"]), b"hello")
        self.assertEqual(self.ask("GET", "/proxies"), (200, {"p": proxy}))
        self.assertEqual(self.ask("GET", "/proxies/p"), (200, proxy))
        status, error = self.ask("POST", "/proxies", {"name": "p", "upstream": "a:1"})
        self.assertEqual((status, error["status"]), (409, 409))
        self.assertIn("already exists", error["error"])
        self.assertEqual(self.ask("POST", "/proxies/p", {"enabled": False})[1]["enabled"], False)
        self.assertRaises(ConnectionRefusedError, self.read, proxy["listen"])
        self.assertEqual(self.ask("PATCH", "/proxies/p", {"enabled": True}), (200, proxy))
        self.assertEqual(self.read(proxy["listen"]), b"hello")
        other = Greeter()
        self.addCleanup(other.close)
        moved = self.ask("POST", "/proxies/p", {"upstream": other.upstream})[1]
        self.assertEqual((moved["listen"], moved["upstream"]), (proxy["listen"], other.upstream))
        moved = self.ask("POST", "/proxies/p", {"listen": "localhost:0"})[1]
        self.assertEqual(self.read(moved["listen"]), b"hello")
        self.assertEqual(self.ask("DELETE", "/proxies/p"), (204, None))
        self.assertEqual(self.ask("GET", "/proxies/p")[0], 404)
        self.assertFalse(self.proxy("off", enabled=False)["enabled"])

    def test_toxics(self):
        proxy = self.proxy()
        latency = {"name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1,
                   "attributes": {"latency": 80, "jitter": 0}}
        self.assertEqual(self.ask("POST", "/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 80}}),
                         (200, latency))
        started = time.monotonic()
        self.assertEqual(self.read(proxy["listen"]), b"hello")
        self.assertGreaterEqual(time.monotonic() - started, 0.08)
        self.assertEqual(self.ask("GET", "/proxies/p/toxics"), (200, [latency]))
        self.assertEqual(self.ask("GET", "/proxies/p/toxics/latency_downstream"), (200, latency))
        changed = {**latency, "toxicity": 0.25, "attributes": {"latency": 80, "jitter": 20}}
        self.assertEqual(self.ask("POST", "/proxies/p/toxics/latency_downstream",
                                  {"toxicity": 0.25, "attributes": {"jitter": 20}}), (200, changed))
        for kind, attributes in (("bandwidth", {"rate": 100}), ("slow_close", {"delay": 1}), ("timeout", {"timeout": 5}),
                                 ("reset_peer", {"timeout": 5}), ("limit_data", {"bytes": 3}),
                                 ("slicer", {"average_size": 2, "size_variation": 1, "delay": 10})):
            status, toxic = self.ask("POST", "/proxies/p/toxics",
                                     {"name": kind, "type": kind, "stream": "upstream", "toxicity": 0.5,
                                      "attributes": attributes})
            self.assertEqual((status, toxic["attributes"], toxic["stream"], toxic["toxicity"]),
                             (200, attributes, "upstream", 0.5))
        self.assertEqual(len(self.ask("GET", "/proxies/p")[1]["toxics"]), 7)
        self.assertEqual(self.ask("DELETE", "/proxies/p/toxics/slicer"), (204, None))
        self.assertEqual(self.ask("DELETE", "/proxies/p/toxics/slicer")[0], 404)
        self.assertEqual(self.ask("POST", "/reset"), (204, None))
        self.assertEqual(self.ask("GET", "/proxies/p/toxics"), (200, []))

    def test_toxics_of_all_kinds_do_what_they_say(self):
        proxy = self.proxy()
        for toxic, result in (({"type": "limit_data", "attributes": {"bytes": 3}}, b"hel"),
                              ({"type": "bandwidth", "attributes": {"rate": 1000}}, b"hello"),
                              ({"type": "bandwidth", "attributes": {"rate": 0}}, b"hello"),
                              ({"type": "slicer", "attributes": {"average_size": 1}}, b"hello"),
                              ({"type": "slicer", "attributes": {}}, b"hello"),
                              ({"type": "slow_close", "attributes": {"delay": 1}}, b"hello"),
                              ({"type": "timeout", "attributes": {"timeout": 1}}, b""),
                              ({"type": "timeout", "toxicity": 0, "attributes": {"timeout": 1}}, b"hello")):
            with self.subTest(toxic=toxic):
                status, made = self.ask("POST", "/proxies/p/toxics", toxic)
                self.assertEqual(status, 200, made)
                self.assertEqual(self.read(proxy["listen"]), result)
                self.assertEqual(self.ask("DELETE", "/proxies/p/toxics/" + made["name"])[0], 204)
        self.ask("POST", "/proxies/p/toxics", {"type": "reset_peer", "attributes": {}})
        self.assertRaises(ConnectionResetError, self.read, proxy["listen"])

    def test_populate(self):
        kept = self.proxy("kept")
        self.ask("POST", "/proxies/kept/toxics", {"type": "limit_data", "attributes": {"bytes": 3}})
        status, answer = self.ask("POST", "/populate", [
            {"name": "kept", "listen": kept["listen"], "upstream": self.greeter.upstream},
            {"name": "new", "listen": "127.0.0.1:0", "upstream": self.greeter.upstream, "enabled": False}])
        self.assertEqual(status, 201)
        self.assertEqual([proxy["name"] for proxy in answer["proxies"]], ["kept", "new"])
        self.assertEqual(len(answer["proxies"][0]["toxics"]), 1)
        self.assertEqual(self.ask("POST", "/populate", [{"name": "new"}])[0], 400)
        self.assertEqual(self.ask("POST", "/populate", {"name": "new"})[0], 400)
        self.assertEqual(len(self.ask("GET", "/proxies")[1]), 2)

    def test_refusals(self):
        self.proxy()
        for status, path, body, says in (
                (400, "/proxies", {"upstream": "a:1"}, "missing required field"),
                (400, "/proxies", {"name": "q"}, "missing required field"),
                (400, "/proxies", {"name": "q", "upstream": "a"}, "HOST:PORT"),
                (400, "/proxies", {"name": "q", "upstream": "a:1", "listen": "nowhere.test:1"}, "listen"),
                (400, "/proxies", {"name": "q", "upstream": "a:1", "enabled": 1}, "enabled"),
                (404, "/proxies/q", {}, "proxy not found"),
                (404, "/proxies/q/toxics", {}, "proxy not found"),
                (400, "/proxies/p/toxics", {"type": "gravity"}, "invalid toxic type"),
                (400, "/proxies/p/toxics", {}, "invalid toxic type"),
                (400, "/proxies/p/toxics", {"type": "latency", "stream": "sideways"}, "stream was invalid"),
                (400, "/proxies/p/toxics", {"type": "latency", "toxicity": 2}, "toxicity"),
                (400, "/proxies/p/toxics", {"type": "latency", "attributes": {"latency": -1}}, "latency"),
                (400, "/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 1.5}}, "latency"),
                (400, "/proxies/p/toxics", {"type": "latency", "attributes": {"latancy": 1}}, "latancy"),
                (404, "/proxies/p/toxics/none", {}, "toxic not found")):
            with self.subTest(path=path, body=body):
                found, error = self.ask("POST", path, body)
                self.assertEqual((found, error["status"]), (status, status), error)
                self.assertIn(says, error["error"])

    # What clients of other languages send, word by word: those are in no registry that the tests reach.

    def send(self, method, path, body=None, **headers):
        """One request with the headers of a client. The status and its JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text.decode()

    def test_what_the_client_for_go_sends(self):
        """All members of its structures, also where they are empty."""
        def go(method, path, body=None):
            return self.send(method, path, body, User_Agent="toxiproxy-cli", Content_Type="application/json",
                             Accept_Encoding="gzip")
        self.assertEqual(go("GET", "/version")[0], 200)
        status, proxy = go("POST", "/proxies", '{"name":"go","listen":"127.0.0.1:0","upstream":"%s","enabled":true,"toxics":null}'
                           % self.greeter.upstream)
        self.assertEqual((status, proxy["toxics"]), (201, []))
        self.assertEqual(go("POST", "/proxies/go/toxics",
                            '{"name":"","type":"latency","stream":"","toxicity":1,"attributes":{"latency":5,"jitter":0}}')[1]["name"],
                         "latency_downstream")
        toxics = json.dumps(go("GET", "/proxies/go/toxics")[1])
        saved = ('{"name":"go","listen":"%s","upstream":"%s","enabled":false,"toxics":%s}'
                 % (proxy["listen"], self.greeter.upstream, toxics))
        self.assertEqual(go("POST", "/proxies/go", saved)[1]["enabled"], False)
        self.assertEqual(go("POST", "/proxies/go", saved.replace("false", "true"))[1]["listen"], proxy["listen"])
        self.assertEqual(self.read(proxy["listen"]), b"hello")
        status, toxic = go("PATCH", "/proxies/go/toxics/latency_downstream", '{"attributes":{"latency":1},"toxicity":0.5}')
        self.assertEqual((status, toxic["attributes"]["latency"], toxic["toxicity"]), (200, 1, 0.5))
        self.assertEqual(go("DELETE", "/proxies/go/toxics/latency_downstream"), (204, ""))
        self.assertEqual(go("POST", "/reset", ""), (204, ""))
        status, answer = go("POST", "/populate", '[{"name":"go2","listen":"localhost:0","upstream":"%s","enabled":true,"toxics":null}]'
                            % self.greeter.upstream)
        self.assertEqual((status, answer["proxies"][0]["name"]), (201, "go2"))
        self.assertIn("proxy not found", go("GET", "/proxies/none")[1]["error"])
        self.assertEqual(go("DELETE", "/proxies/go"), (204, ""))

    def test_what_the_client_for_ruby_sends(self):
        def ruby(method, path, body=None):
            return self.send(method, path, body, Accept_Encoding="gzip;q=1.0,deflate;q=0.6,identity;q=0.3", Accept="*/*",
                             User_Agent="Ruby", Content_Type="application/x-www-form-urlencoded")
        status, proxy = ruby("POST", "/proxies", '{"upstream":"%s","name":"ruby","listen":"localhost:0","enabled":null}'
                             % self.greeter.upstream)
        self.assertEqual((status, proxy["enabled"]), (201, True))
        self.assertEqual(ruby("GET", "/proxies")[1]["ruby"]["listen"], proxy["listen"])
        self.assertEqual(ruby("POST", "/proxies/ruby", '{"enabled":false}')[1]["enabled"], False)
        self.assertEqual(ruby("POST", "/proxies/ruby", '{"enabled":true}')[0], 200)
        status, toxic = ruby("POST", "/proxies/ruby/toxics",
                             '{"name":"limit_data_upstream","type":"limit_data","stream":"upstream","toxicity":1.0,'
                             '"attributes":{"bytes":2}}')
        self.assertEqual((status, toxic["name"]), (200, "limit_data_upstream"))
        self.assertEqual(ruby("DELETE", "/proxies/ruby/toxics/limit_data_upstream")[0], 204)
        self.assertEqual(ruby("DELETE", "/proxies/ruby")[0], 204)

    def test_what_the_client_for_java_sends(self):
        def java(method, path, body=None):
            return self.send(method, path, body, User_Agent="Java/17.0.9", Connection="keep-alive",
                             Accept="text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
                             Content_Type="application/x-www-form-urlencoded")
        self.assertEqual(java("POST", "/proxies", '{"name":"java","listen":"127.0.0.1:0","upstream":"%s"}' % self.greeter.upstream)[0],
                         201)
        self.assertEqual(java("POST", "/proxies/java/toxics", '{"name":"slow","stream":"downstream","type":"bandwidth",'
                                                              '"attributes":{"rate":100}}')[1]["toxicity"], 1)
        self.assertEqual(java("POST", "/proxies/java/toxics/slow", '{"toxicity":0.5}')[1]["toxicity"], 0.5)
        self.assertEqual(java("POST", "/proxies/java/toxics/slow", '{"attributes":{"rate":200}}')[1]["attributes"], {"rate": 200})
        self.assertEqual([t["name"] for t in java("GET", "/proxies/java/toxics")[1]], ["slow"])
        self.assertEqual(java("POST", "/proxies/java", '{"enabled":false}')[1]["enabled"], False)
        self.assertEqual(java("DELETE", "/proxies/java/toxics/slow")[0], 204)
        self.assertEqual(java("POST", "/reset", "")[0], 204)
        self.assertTrue(java("GET", "/proxies/java")[1]["enabled"])

    def test_what_the_client_for_python_sends(self):
        def python(method, path, body=None):
            return self.send(method, path, body, User_Agent="python-requests/2.31.0", Accept_Encoding="gzip, deflate", Accept="*/*",
                             Connection="keep-alive", Content_Type="application/json")
        self.assertEqual(python("GET", "/proxies"), (200, {}))
        self.assertEqual(python("POST", "/proxies", '{"upstream": "%s", "name": "py", "enabled": true, "listen": "127.0.0.1:0"}'
                                % self.greeter.upstream)[0], 201)
        self.assertEqual(python("POST", "/proxies/py/toxics", '{"name": "t", "type": "timeout", "stream": "upstream", "toxicity": 1.0, '
                                '"attributes": {"timeout": 1000}}')[0], 200)
        self.assertEqual(python("POST", "/proxies/py", '{"enabled": false}')[1]["enabled"], False)
        self.assertEqual(python("DELETE", "/proxies/py/toxics/t")[0], 204)
        self.assertRegex(python("GET", "/version")[1] if isinstance(python("GET", "/version")[1], str)
                         else python("GET", "/version")[1]["version"], r"^2\.")

    def test_client_for_node(self):
        if not (NODE_MODULES / "toxiproxy-node-client").exists() or not shutil.which("node"):
            print("left out: toxiproxy's client for Node: script/bootstrap --tests has not fetched it, or there is no node")
            self.skipTest("no client")
        subprocess.run(["node", HERE / "control_client.js", self.control.url, self.greeter.upstream], check=True,
                       timeout=TIMEOUT_S, env={**os.environ, "NODE_PATH": str(NODE_MODULES)})


if __name__ == "__main__":
    serve.PROGRAM = sys.argv[1]
    setUpModule = serve.setUpModule
    unittest.main(argv=sys.argv[:1])
