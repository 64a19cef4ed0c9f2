# SPDX-License-Identifier: Apache-2.0
"""What is measured: the works, the libraries, and the ratios that are to be reached."""
from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Peer:
    name: str
    driver: str  # program of the build, or script of bench/clients
    slow: bool = False  # an interpreter: a tenth of the work, for orientation
    limit: bool = False  # no library at all: not compared as a peer


PEERS = (
    Peer("leat", "bench_leat"),
    Peer("libwebsockets", "bench_lws"),
    Peer("beast", "bench_beast"),
    Peer("libcurl", "bench_curl"),
    Peer("ws", "ws.js", slow=True),
    Peer("websockets", "websockets_client.py", slow=True),
    Peer("bare", "bench_bare", limit=True),
)


@dataclass(frozen=True)
class Work:
    name: str
    kind: str
    scheme: str = "ws"
    size: int = 64
    count: int = 1
    in_flight: int = 1
    connections: int = 1
    text: bool = False
    socks5: bool = False
    resume: bool = False
    compress: bool = False
    rounds: int = 0  # 0 = as many as asked for

    def path(self, count):
        if self.kind == "send":
            return f"/sink?count={count}"
        if self.kind == "receive":
            return f"/source?count={count}&size={self.size}&text={int(self.text)}"
        return "/echo"

    def arguments(self, count, connections):
        found = ["--work", self.kind, "--size", str(self.size), "--count", str(count),
                 "--in-flight", str(self.in_flight), "--connections", str(connections)]
        return found + [f"--{name}" for name in ("text", "resume", "compress") if getattr(self, name)]

    @property
    def judges_server(self):
        """Whether a server that is busier than its client ends the run. Else it is only reported: where one side waits
        for the other, where a proxy shares the server's core, and where the server sends and the kernel lets it do part
        of the client's work."""
        return not self.socks5 and (self.kind == "send" or (self.kind == "echo" and self.in_flight > 1))


def messages(scheme):
    """Echoes and streams over one connection."""
    yield Work(f"64 B, 1 in flight, {scheme}", "echo", scheme, count=10000)
    yield Work(f"64 B, 128 in flight, {scheme}", "echo", scheme, count=200000, in_flight=128)
    for label, size, count in (("4 KiB", 4 * KIB, 20000), ("64 KiB", 64 * KIB, 2000), ("1 MiB", MIB, 150)):
        for text in (False, True):
            yield Work(f"{label} {'text' if text else 'binary'}, 4 in flight, {scheme}", "echo", scheme, size=size,
                       count=count, in_flight=4, text=text)
    for label, size, count in (("64 B", 64, 200000), ("4 KiB", 4 * KIB, 50000)):
        yield Work(f"{label} send only, {scheme}", "send", scheme, size=size, count=count)
        yield Work(f"{label} receive only, {scheme}", "receive", scheme, size=size, count=count)


def proxied():
    for scheme in ("ws", "wss"):
        yield Work(f"64 B, 128 in flight, {scheme}, SOCKS5", "echo", scheme, count=100000, in_flight=128, socks5=True)
        yield Work(f"64 KiB binary, 4 in flight, {scheme}, SOCKS5", "echo", scheme, size=64 * KIB, count=1000,
                   in_flight=4, socks5=True)


def compressed():
    yield Work("4 KiB text, 4 in flight, ws, compressed", "echo", size=4 * KIB, count=5000, in_flight=4, text=True,
               compress=True)


def openings():
    yield Work("open and close, ws", "open", count=1000)
    yield Work("open and close, wss, full", "open", "wss", count=300)
    yield Work("open and close, wss, resumed", "open", "wss", count=300, resume=True)
    yield Work("open and close, wss, full, SOCKS5", "open", "wss", count=200, socks5=True)
    yield Work("start-up and one echo, ws", "start")
    yield Work("start-up and one echo, wss", "start", "wss")


def idle():
    for scheme in ("ws", "wss"):
        yield Work(f"1 idle connection, {scheme}", "idle", scheme, count=1000)
        yield Work(f"1,000 idle connections, {scheme}", "idle", scheme, count=2000, connections=1000, rounds=3)
        yield Work(f"10,000 idle connections, {scheme}", "idle", scheme, count=1000, connections=10000, rounds=1)


def all_works():
    return [*messages("ws"), *messages("wss"), *proxied(), *compressed(), *openings(), *idle()]


# (work, metric, against, at most): what the ratio to another driver, or the value itself, must not exceed.
TARGETS = (
    ("64 B, 1 in flight, ws", "cpu_us_per_message", "bare", 1.15),
    ("64 B, 128 in flight, ws", "cpu_us_per_message", "best peer", 0.15),
    ("64 B, 128 in flight, wss", "cpu_us_per_message", "best peer", 0.25),
    ("1 MiB binary, 4 in flight, ws", "cpu_us_per_message", "beast", 0.7),
    ("1 MiB binary, 4 in flight, ws", "cpu_us_per_message", "bare", 1.7),
    ("1 MiB text, 4 in flight, ws", "cpu_us_per_message", "beast", 0.7),
    ("1 MiB text, 4 in flight, ws", "cpu_us_per_message", "bare", 1.7),
    ("1 MiB binary, 4 in flight, wss", "cpu_us_per_message", "best peer", None),
    ("1,000 idle connections, ws", "heap_per_connection", None, 2560),
    ("1,000 idle connections, wss", "heap_per_connection", "best peer", 1.0),
    ("1,000 idle connections, wss", "resident_per_connection", "best peer", 1.0),
    ("10,000 idle connections, ws", "heap_per_connection", "1,000 idle connections, ws", 1.1),
    ("10,000 idle connections, ws", "connect_cpu_us", "1,000 idle connections, ws", 1.1),
    ("10,000 idle connections, ws", "echo_one_cpu_us", "1,000 idle connections, ws", 1.1),
    ("10,000 idle connections, wss", "heap_per_connection", "1,000 idle connections, wss", 1.1),
    ("10,000 idle connections, wss", "connect_cpu_us", "1,000 idle connections, wss", 1.1),
    ("10,000 idle connections, wss", "echo_one_cpu_us", "1,000 idle connections, wss", 1.1),
)

# By way of user and password, SOCKS5, TLS 1.3 and the upgrade: TCP's own round trip and five of the layers.
ROUND_TRIPS_AT_MOST = 6
DELAY_MS = 20
