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
    sockets: str = ""  # the same for bytes and datagrams without WebSocket


PEERS = [
    Peer("leat", "bench_leat", sockets="bench_leat_sockets"),
    Peer("libwebsockets", "bench_lws"),
    Peer("beast", "bench_beast"),
    Peer("libcurl", "bench_curl"),
    Peer("websocketpp", "bench_websocketpp"),
    Peer("libsoup", "bench_libsoup"),
    Peer("qt", "bench_qt"),
    Peer("gorilla", "bench_gorilla"),
    Peer("ws", "ws.js", slow=True),
    Peer("websockets", "websockets_client.py", slow=True),
    Peer("libuv", "", sockets="bench_uv_sockets"),
    Peer("bare", "bench_bare", limit=True, sockets="bench_bare_sockets"),
]


def compared_peers(driver):
    """leat, and the leat that another driver stands on."""
    folder = str(driver).rpartition("/")[0]
    return [PEERS[0], Peer("before", str(driver), sockets=f"{folder}/bench_leat_sockets")]


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
    rate: int = 0  # of echoes in a second, for "rate"
    bulk: bool = False  # beside it, 64 KiB messages over a second connection of the same loop
    spinner: bool = False  # beside it, a process that computes all the time, on the client's core
    rounds: int = 0  # at most; 0 = as many as asked for
    group: str = ""  # works that are compared with one another take turns

    @property
    def is_websocket(self):
        return self.scheme.startswith("ws")

    def path(self, count):
        if self.kind == "send":
            return f"/sink?count={count}"
        if self.kind == "receive":
            return f"/source?count={count}&size={self.size}&text={int(self.text)}"
        return "/echo"

    def arguments(self, count, connections):
        found = ["--work", self.kind, "--size", str(self.size), "--count", str(count),
                 "--in-flight", str(self.in_flight), "--connections", str(connections)]
        if self.rate:
            found += ["--rate", str(self.rate)]
        return found + [f"--{name}" for name in ("text", "resume", "compress", "bulk") if getattr(self, name)]

    @property
    def judges_server(self):
        """Whether a server that is busier than its client ends the run. Else it is only reported: where one side waits
        for the other, where a proxy shares the server's core, and where the server sends and the kernel lets it do part
        of the client's work. A client whose datagrams leave many at a time is always less busy."""
        return not self.socks5 and self.scheme != "udp" and (self.kind == "send" or (self.kind == "echo" and self.in_flight > 1))


def messages(scheme):
    """Echoes and streams over one connection."""
    yield Work(f"64 B, 1 in flight, {scheme}", "echo", scheme, count=10000)
    yield Work(f"64 B, 128 in flight, {scheme}", "echo", scheme, count=200000, in_flight=128)
    for label, size, count, in_flight in (("4 KiB", 4 * KIB, 20000, 16), ("64 KiB", 64 * KIB, 2000, 4),
                                          ("1 MiB", MIB, 500, 4)):
        for text in (False, True):
            yield Work(f"{label} {'text' if text else 'binary'}, {in_flight} in flight, {scheme}", "echo", scheme,
                       size=size, count=count, in_flight=in_flight, text=text)
    yield Work(f"64 KiB binary, 8 in flight, {scheme}", "echo", scheme, size=64 * KIB, count=2000, in_flight=8)
    for label, size, count in (("64 B", 64, 200000), ("4 KiB", 4 * KIB, 50000), ("1 MiB", MIB, 300)):
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


def sockets():
    """leat_tcp_socket, leat_tls_socket, leat_udp_socket."""
    for scheme in ("tcp", "tls"):
        yield Work(f"64 KiB, 4 in flight, {scheme} socket", "echo", scheme, size=64 * KIB, count=2000, in_flight=4)
    yield Work("64 B, 1 in flight, udp socket", "echo", "udp", count=10000)
    yield Work("64 B, 128 in flight, udp socket", "echo", "udp", count=200000, in_flight=128)


def openings():
    yield Work("open and close, ws", "open", count=1000)
    yield Work("open and close, wss, full", "open", "wss", count=300, group="open wss")
    yield Work("open and close, wss, resumed", "open", "wss", count=300, resume=True, group="open wss")
    yield Work("open and close, wss, full, SOCKS5", "open", "wss", count=200, socks5=True)
    yield Work("start-up and one echo, ws", "start")
    yield Work("start-up and one echo, wss", "start", "wss")


def idle():
    """One process each: as many echoes over the first connection, and over all in turn, as one round needs to be
    no accident."""
    for scheme in ("ws", "wss"):
        yield Work(f"1 idle connection, {scheme}", "idle", scheme, count=3000)
        yield Work(f"1,000 idle connections, {scheme}", "idle", scheme, count=5000, connections=1000,
                   group=f"idle {scheme}")
        yield Work(f"10,000 idle connections, {scheme}", "idle", scheme, count=5000, connections=10000, rounds=3,
                   group=f"idle {scheme}")


def all_works():
    return [*messages("ws"), *messages("wss"), *proxied(), *compressed(), *sockets(), *openings(), *idle()]


@dataclass(frozen=True)
class Target:
    """What leat's number in a work must not exceed: the number itself, or its ratio to another one: that of a library
    (or of the best one), in another work if one is named."""
    work: str
    metric: str
    at_most: float
    peer: str = ""
    other: str = ""


CPU = "cpu_us_per_message"
BEST = "best peer"

TARGETS = (
    Target("64 B, 1 in flight, ws", CPU, 1.15, "bare"),
    Target("64 B, 128 in flight, ws", CPU, 0.15, BEST),
    Target("64 B, 128 in flight, wss", CPU, 0.25, BEST),
    *(Target(f"64 B, 128 in flight, {scheme}", CPU, 1.25, "bare") for scheme in ("ws", "wss")),
    Target("64 B receive only, ws", CPU, 3.0, "bare"),
    Target("64 B send only, ws", CPU, 2.0, "bare"),
    Target("4 KiB send only, ws", CPU, 1.3, "bare"),
    Target("4 KiB receive only, wss", CPU, 0.9, "libcurl"),
    Target("4 KiB text, 4 in flight, ws, compressed", CPU, 0.5, "beast"),
    Target("64 KiB binary, 4 in flight, ws", CPU, 1.2, "bare"),
    Target("64 KiB binary, 8 in flight, wss", CPU, 0.75, "beast"),
    Target("1 MiB binary, 4 in flight, ws", CPU, 0.7, "beast"),
    Target("1 MiB binary, 4 in flight, ws", CPU, 1.2, "bare"),
    Target("1 MiB text, 4 in flight, ws", CPU, 0.7, "beast"),
    Target("1 MiB text, 4 in flight, ws", CPU, 1.7, "bare"),
    Target("1 MiB binary, 4 in flight, wss", CPU, 0.75, "beast"),
    Target("1 MiB receive only, ws", CPU, 0.95, "beast"),
    Target("1 MiB receive only, wss", CPU, 0.95, "libcurl"),
    Target("64 B, 128 in flight, udp socket", CPU, 0.9, "libuv"),
    Target("64 KiB, 4 in flight, tcp socket", CPU, 1.1, "bare"),
    Target("64 KiB, 4 in flight, tls socket", CPU, 1.0, "bare"),
    Target("open and close, ws", CPU, 0.85, "beast"),
    Target("open and close, ws", CPU, 1.2, "bare"),
    Target("open and close, wss, full", CPU, 1.1, "beast"),
    Target("open and close, wss, resumed", CPU, 0.6, "beast", "open and close, wss, full"),
    Target("start-up and one echo, ws", CPU, 1.2, "bare"),
    Target("start-up and one echo, wss", CPU, 0.8, "bare"),
    Target("1,000 idle connections, ws", "heap_per_connection", 1000),
    Target("1,000 idle connections, wss", "heap_per_connection", 6000),
    Target("1,000 idle connections, wss", "heap_per_connection", 1.0, BEST),
    Target("1,000 idle connections, wss", "resident_per_connection", 1.0, BEST),
    Target("10,000 idle connections, wss", "echo_one_cpu_us", 1.0, "beast"),
    *(Target(f"10,000 idle connections, {scheme}", metric, 1.1, "leat", f"1,000 idle connections, {scheme}")
      for scheme in ("ws", "wss")
      for metric in ("heap_per_connection", "connect_cpu_us", "echo_one_cpu_us")),
)
SIZE_AT_MOST = 700 * KIB


def target_works():
    """The works that the targets are about, with what they are compared to."""
    wanted = {name for target in TARGETS for name in (target.work, target.other)}
    return [work for work in all_works() if work.name in wanted]


def target_peers(work):
    """Whom a work of the targets needs."""
    wanted = {target.peer for target in TARGETS if work.name in (target.work, target.other)} | {"leat"}
    return [peer for peer in PEERS
            if peer.name in wanted or (BEST in wanted and not peer.slow and not peer.limit)]


@dataclass(frozen=True)
class Opening:
    """A way to open by user and password through SOCKS5, over TLS 1.3, with the upgrade."""
    name: str
    at_most: int  # round trips of leat, that of TCP included
    arguments: tuple = ()
    opens: int = 1  # the last one counts: those before it bring the ticket and the cookie
    is_everybodys: bool = False
    needs_fast_open: bool = False


OPENINGS = (
    Opening("in lock-step", 6, is_everybodys=True),
    Opening("in lock-step, TCP fast open", 5, ("--fast-open",), opens=2, needs_fast_open=True),
    Opening("pipelined", 3, ("--pipelined",)),
    Opening("pipelined, resumed, early data", 2, ("--pipelined", "--resume", "--early-data"), opens=2),
    Opening("pipelined, resumed, early data, TCP fast open", 1,
            ("--pipelined", "--resume", "--early-data", "--fast-open"), opens=2, needs_fast_open=True),
)
DELAY_MS = 20
