# SPDX-License-Identifier: Apache-2.0
"""`leat serve control` as a child, and what it is asked by HTTP over a Unix socket."""
import asyncio
import http.client
import itertools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from ._program import environment_of, find_program

#: How long a step is waited for, and how much longer its answer.
WAIT_S = 5.0
ANSWER_S = 60.0
UNIX_PATH_MAX = 107


class LeatTestingError(Exception):
    """What the control refuses: `status` as of HTTP, `field` of the server, `reason`."""

    def __init__(self, status, field, reason):
        super().__init__(f"{field}: {reason}" if field else reason)
        self.status, self.field, self.reason = status, field, reason


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _short_folder():
    """A folder of our own in which a Unix socket has room for its path."""
    folder = tempfile.mkdtemp(prefix="leat-")
    if len(os.fsencode(folder)) + len("/control") > UNIX_PATH_MAX:
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="leat-", dir="/tmp")
    return folder


class Control:
    """A running `leat serve control`. Ends, with all its servers, with close(), `with`, or this process."""

    def __init__(self, program=None, *, pcapng=None):
        self.folder = _short_folder()
        self.path = os.path.join(self.folder, "control")
        self._numbers = itertools.count(1)
        self._ca, self._ca_lock = None, threading.Lock()
        self.servers = []
        command = [program or find_program(), "serve", "control", "--unix", self.path, "--until-eof"]
        if pcapng:
            command += ["--pcapng", os.fspath(pcapng)]
        self.process = None
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE, text=True, env=environment_of(command[0]))
            if not self.process.stdout.readline():
                raise RuntimeError(f"{' '.join(command)}: {self.process.stderr.read().strip()}")
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends it. May be called again."""
        process, self.process = self.process, None
        if process:
            process.stdin.close()
            try:
                process.wait(ANSWER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, body=None, timeout=ANSWER_S):
        """Asks the control: leat/testing_control.h. The answer's JSON, None if there is none."""
        if not self.process:
            raise RuntimeError("the control has been closed")
        connection = _UnixConnection(self.path, timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        value = json.loads(text) if text else None
        if answer.status >= 400:
            value = value or {}
            raise LeatTestingError(answer.status, value.get("field", ""), value.get("reason", answer.reason))
        return value

    def server(self, kind, *, name=None, **members):
        """Starts a server. `members` are those of leat_testing_server_new_json(): faults, conditions, user, password,
        tls, to, messages, ...; None is left out."""
        name = name or f"{kind}-{next(self._numbers)}"
        for key in ("record", "replay"):  # files are named as in this process
            if members.get(key) is not None:
                members[key] = os.path.abspath(os.fspath(members[key]))
        body = {"name": name, "kind": kind, **{key: value for key, value in members.items() if value is not None}}
        server = Server(self, self.request("POST", "/servers", body))
        self.servers.append(server)
        return server

    def socks5_proxy(self, **members):
        """A SOCKS5 proxy: faults, conditions, user, password, names."""
        return self.server("socks5", **members)

    def connect_proxy(self, **members):
        """An HTTP proxy that knows CONNECT."""
        return self.server("connect", **members)

    def ws_server(self, **members):
        """A WebSocket server that echoes."""
        return self.server("websocket", **members)

    def wss_server(self, *, tls=True, certificate_faults=None, **members):
        """The same behind TLS; `certificate_faults` as in "expired,sha1". Clients trust `ca.path`."""
        if certificate_faults:
            tls = {**(tls if isinstance(tls, dict) else {}), "certificate_faults": certificate_faults}
        return self.server("websocket", tls=tls, **members)

    def relay(self, to, **members):
        """A relay for any protocol over TCP to "HOST:PORT"."""
        return self.server("tcp", to=to, **members)

    def replay(self, path, **members):
        """What a server with record="run.jsonl" has written, said again: faults, match="any", keep_times=True. Tell by
        assert_same() whether the clients said what they had said."""
        return self.server("replay", replay=path, **members)

    def dns(self, **members):
        """A DNS server, where the program has one: records="NAME TYPE VALUE; ..."."""
        return self.server("dns", **members)

    @property
    def ca(self):
        """The certificate authority of all servers."""
        with self._ca_lock:
            if not self._ca:
                self._ca = CA(self)
            return self._ca


class Certificate:
    """`pem`, `key_pem`, and the files `path` and `key_path`."""

    def __init__(self, folder, name, answer):
        self.pem = answer["certificate"]
        self.key_pem = answer.get("key")
        self.path = self.key_path = None
        self.path = str(pathlib.Path(folder, f"{name}.pem"))
        pathlib.Path(self.path).write_text(self.pem, encoding="ascii")
        if self.key_pem:
            self.key_path = str(pathlib.Path(folder, f"{name}.key"))
            with open(os.open(self.key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
                file.write(self.key_pem)


class CA(Certificate):
    """Whom clients are to trust: `path`, `pem`. issue() makes certificates."""

    def __init__(self, control):
        super().__init__(control.folder, "ca", control.request("GET", "/ca"))
        self._control = control
        self._numbers = itertools.count(1)

    def issue(self, hosts="localhost,127.0.0.1,::1", faults=None):
        """A certificate of this CA: hosts="a.test,127.0.0.1", faults="expired"."""
        body = {"hosts": hosts, **({"faults": faults} if faults else {})}
        answer = self._control.request("POST", "/certificates", body)
        return Certificate(self._control.folder, f"certificate-{next(self._numbers)}", answer)


class Server:
    """A server of a control. `url` is what a client is told."""

    def __init__(self, control, description):
        self._control = control
        self._describe(description)

    def _describe(self, description):
        self.description = description
        self.name = description["name"]
        self.kind = description["kind"]
        self.url = description.get("url", "")
        self.address = description.get("address", "")
        self.port = description.get("port", 0)
        self.host = self.address.rpartition(":")[0].strip("[]")

    def __repr__(self):
        return f"<leat_testing.Server {self.name} {self.url}>"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def _ask(self, method, path="", body=None, timeout=ANSWER_S):
        return self._control.request(method, f"/servers/{urllib.parse.quote(self.name, safe='')}{path}", body, timeout)

    def set(self, **members):
        """Changes it: faults and conditions while connections live, whatever else by a new start."""
        self._describe(self._ask("PATCH", body=members))

    def remove(self):
        """Ends it and its connections. May be called again."""
        if self in self._control.servers:
            self._control.servers.remove(self)
            self._ask("DELETE")

    def release(self):
        """Lets one held connection (`hold`) go on."""
        self._ask("POST", "/release")

    @property
    def seen(self):
        """Counts, and the last request."""
        return self._ask("GET", "/seen")

    @property
    def events(self):
        """What has happened, the last 4,096 of it: dicts with number, time_ms, connection, step, text, bytes_in, bytes_out."""
        return self._ask("GET", "/events")["events"]

    @property
    def diagram(self):
        """The same as a sequence diagram of Mermaid."""
        return self._ask("GET", "/diagram")["diagram"]

    def count(self, step):
        """How often a step was reached."""
        return self.seen["steps"].get(step, 0)

    def log(self):
        """The events as lines."""
        lines = [f"{self.name}: {self.url}"]
        for event in self.events:
            lines.append("%10.3f ms  #%d %-10s %s" % (event["time_ms"], event["connection"], event["step"], event["text"]))
        if len(lines) == 1:
            lines.append("    nobody has connected")
        return "\n".join(lines)

    def wait(self, step, count=1, timeout=WAIT_S):
        """Waits for a step. Whether it came."""
        query = urllib.parse.urlencode({"step": step, "count": count, "timeout_ms": int(timeout * 1000)})
        return self._waited(query, timeout)

    def wait_idle(self, timeout=WAIT_S):
        """Waits until there has been a connection and none is left. Whether it came so."""
        return self._waited(urllib.parse.urlencode({"idle": 1, "timeout_ms": int(timeout * 1000)}), timeout)

    def _waited(self, query, timeout):
        try:
            self._ask("GET", f"/wait?{query}", timeout=timeout + ANSWER_S)
        except LeatTestingError as error:
            if error.status == 409:
                return False
            raise
        return True

    def assert_step(self, step, count=1, *, text=None, timeout=WAIT_S):
        """A step is reached, `count` times at least, once with `text` in its text; waits for it."""
        __tracebackhide__ = True
        if not self.wait(step, count, timeout):
            raise AssertionError(f"step {step} was reached {self.count(step)} times within {timeout} s, not {count}\n{self.log()}")
        if text is not None and not any(e["step"] == step and text in e["text"] for e in self.events):
            raise AssertionError(f"no step {step} says {text!r}\n{self.log()}")

    def assert_no_step(self, step):
        """A step was not reached so far."""
        __tracebackhide__ = True
        if self.count(step):
            raise AssertionError(f"step {step} was reached {self.count(step)} times\n{self.log()}")

    def assert_steps(self, *steps, timeout=WAIT_S):
        """These steps are reached, in this order on one connection, others between them or not; waits for them."""
        __tracebackhide__ = True
        for step in dict.fromkeys(steps):
            self.assert_step(step, steps.count(step), timeout=timeout)
        connections = {}
        for event in self.events:
            connections.setdefault(event["connection"], []).append(event["step"])
        if not any(_is_subsequence(steps, reached) for reached in connections.values()):
            raise AssertionError(f"no connection has reached {', '.join(steps)} in this order\n{self.log()}")

    def assert_same(self):
        """Of a replay: no client has said what the recorded one did not."""
        __tracebackhide__ = True
        problem = self.seen["problem"]
        if problem:
            raise AssertionError(f"{problem}\n{self.log()}")

    async def wait_async(self, step, count=1, timeout=WAIT_S):
        """wait(), while the loop of asyncio goes on."""
        return await asyncio.to_thread(self.wait, step, count, timeout)

    async def assert_step_async(self, step, count=1, *, text=None, timeout=WAIT_S):
        """assert_step(), while the loop of asyncio goes on."""
        __tracebackhide__ = True
        await asyncio.to_thread(self.assert_step, step, count, text=text, timeout=timeout)


def _is_subsequence(steps, reached):
    rest = iter(reached)
    return all(step in rest for step in steps)
