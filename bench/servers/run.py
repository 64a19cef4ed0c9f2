#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures servers: leat, Boost.Beast, libwebsockets and node's ws beside bench/server's batch echo, which is the limit.

The load comes from bench/servers/load.c, which is nobody's under test, on the second core; the server has the first. What counts
is the server's: processor time (schedstat of its threads), resident memory (smaps_rollup). Servers take turns within a round; the
tables have medians, and the ratio to leat within a round. Over TLS leat stands beside the batch echo alone. Prints Markdown."""
import argparse
import glob
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from world import make_certificates  # pylint: disable=wrong-import-position

FIRST_IDLE = 100  # that find everything which exists once
SPARE_DESCRIPTORS = 64
QUICK_PART = 20


@dataclass(frozen=True)
class Server:
    name: str
    command: str  # program of the build, or script of bench/servers
    slow: bool = False  # an interpreter: a tenth of the work
    secure_port: int = -1  # its place among the ports that it prints when it has a certificate; -1 = it has no TLS


SERVERS = (
    Server("leat", "bench_leat_server", secure_port=0),
    Server("beast", "bench_beast_server"),
    Server("libwebsockets", "bench_lws_server"),
    Server("ws", "ws_server.js", slow=True),
    Server("limit", "bench_echo_server", secure_port=1),
)


@dataclass(frozen=True)
class Work:
    name: str
    kind: str
    arguments: tuple
    count: int = 0  # of messages, connections, or seconds
    value: str = "cpu_us"  # what its table compares
    secure: bool = False


WORKS = (
    Work("64 B, 1 in flight", "echo", ("--size", "64"), 20000),
    Work("64 B, 128 in flight", "echo", ("--size", "64", "--in-flight", "128"), 400000),
    Work("64 B, 1 in flight on each of 1,000", "echo", ("--size", "64", "--connections", "1000"), 200000),
    Work("4 KiB, 16 in flight", "echo", ("--size", "4096", "--in-flight", "16"), 40000),
    Work("64 KiB, 4 in flight", "echo", ("--size", "65536", "--in-flight", "4"), 4000),
    Work("open and close, 64 at a time", "open", ("--connections", "64"), 5000),
    Work("5,000 a second over 100", "rate", ("--rate", "5000", "--connections", "100"), 3),
    Work("the same beside 50 that do not read", "rate", ("--rate", "5000", "--connections", "100", "--slow", "50"), 3),
    Work("idle, 1,000", "idle", (), 1000, "resident_bytes"),
    Work("idle, 15,000 or as many as descriptors allow", "idle", (), 15000, "resident_bytes"),
    Work("wss: 64 B, 1 in flight", "echo", ("--size", "64"), 20000, secure=True),
    Work("wss: 64 B, 128 in flight", "echo", ("--size", "64", "--in-flight", "128"), 400000, secure=True),
    Work("wss: 4 KiB, 16 in flight", "echo", ("--size", "4096", "--in-flight", "16"), 40000, secure=True),
    Work("wss: 64 KiB, 4 in flight", "echo", ("--size", "65536", "--in-flight", "4"), 4000, secure=True),
    Work("wss: open and close, 64 at a time", "open", ("--connections", "64"), 1000, secure=True),
    Work("wss: idle, 1,000", "idle", (), 1000, "resident_bytes", True),
)
# What a driver says of each work, beside the server's processor time.
SAID = {"echo": ("per_second",), "open": ("per_second",), "rate": ("median_us", "p99_us", "p999_us"), "idle": ()}


class Failed(Exception):
    pass


def on_core(core, command):
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[min(core, len(cores) - 1)])] + command


class Running:
    """A server for one work."""

    def __init__(self, server, build, certificate):
        script = server.command.endswith(".js")
        command = ["node", os.path.join(HERE, server.command)] if script else [os.path.join(build, "bin", server.command)]
        command += certificate
        environment = dict(os.environ, NODE_PATH="/usr/share/nodejs:/usr/lib/nodejs")
        self.process = subprocess.Popen(on_core(0, command), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if not line:
            raise Failed("it did not start")
        self.port = line[server.secure_port if certificate else 0]

    def cpu_ns(self):
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def load_command(running, build, work):
    return on_core(1, [os.path.join(build, "bin", "bench_load"), "--port", running.port, "--work", work.kind,
                       "--secure", str(int(work.secure))])


def load(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip() or "the load failed")
    return {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}


def measure_idle(running, command, count):
    """Between the first hundred and `count` more."""
    command = command + ["--connections"]
    with subprocess.Popen(command + [str(FIRST_IDLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        if not first.stdout.readline():
            raise Failed("the load failed")
        before = running.resident_bytes()
        with subprocess.Popen(command + [str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as more:
            if not more.stdout.readline():
                raise Failed("the load failed")
            after = running.resident_bytes()
    return {"resident_bytes": (after - before) / count}


def measure(server, work, build, part, certificate):
    running = Running(server, build, certificate if work.secure else [])
    try:
        command = load_command(running, build, work)
        count = max(1, int(work.count / part / (10 if server.slow and work.kind != "rate" else 1)))
        if work.kind == "idle":
            if part < QUICK_PART:
                count = work.count  # what its name says
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - FIRST_IDLE - SPARE_DESCRIPTORS
            return measure_idle(running, command, min(count, most))
        limit = "--seconds" if work.kind == "rate" else "--count"
        before = running.cpu_ns()
        said = load([*command, *work.arguments, limit, str(count)])
        units = said.get("messages") or said.get("opened")
        said["cpu_us"] = (running.cpu_ns() - before) / 1000 / units
        return said
    finally:
        running.end()


def table(work, found, names):
    """found: {server name: [result of each round]}"""
    columns = [work.value, *SAID[work.kind]]
    lines = [f"\n## {work.name}\n", "| server | " + " | ".join(columns) + " | to leat |", "|---|" + "---:|" * (len(columns) + 1)]
    ours = found.get("leat", [])
    for name in names:
        results = found[name]
        if not results or isinstance(results[-1], str):
            lines.append(f"| {name} | {results[-1] if results else 'not built'} |" + " |" * len(columns))
            continue
        cells = [f"{statistics.median(r[column] for r in results):,.1f}" for column in columns]
        pairs = [a[work.value] / b[work.value] for a, b in zip(results, ours) if not isinstance(b, str) and b[work.value] > 0]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {statistics.median(pairs):.2f} |" if pairs
                     else f"| {name} | " + " | ".join(cells) + " | |")
    return "\n".join(lines)


def run(options, certificate):
    wanted = options.servers.split(",") if options.servers else [s.name for s in SERVERS]
    servers = [s for s in SERVERS if s.name in wanted]
    failed = False
    for work in WORKS:
        if options.only and options.only not in work.name:
            continue
        found = {s.name: [] for s in servers}
        for _ in range(options.rounds):
            for server in servers:
                if work.secure and server.secure_port < 0:
                    continue
                if not server.slow and not os.path.exists(os.path.join(options.build, "bin", server.command)):
                    continue
                if found[server.name] and isinstance(found[server.name][-1], str):
                    continue
                try:
                    found[server.name].append(measure(server, work, options.build, options.part, certificate))
                except (Failed, subprocess.TimeoutExpired, OSError) as failure:
                    found[server.name].append(f"failed: {str(failure).splitlines()[0]}")
                    failed = True
        names = [s.name for s in servers if s.secure_port >= 0 or not work.secure]
        print(table(work, found, names), flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--part", type=int, default=1, help="do only one N-th of each work")
    parser.add_argument("--quick", action="store_true", help="one round of a twentieth, for its function only")
    parser.add_argument("--only", help="works whose name contains this")
    parser.add_argument("--servers", help="comma-separated names")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.part = 1, QUICK_PART
    print("# Servers\n\nProcessor time of the server for each message or connection, in microseconds; medians. Latencies count "
          "from when a message was due.")
    with tempfile.TemporaryDirectory(prefix="leat-bench.") as folder:
        make_certificates(Path(folder))
        return run(options, [os.path.join(folder, "leaf.pem"), os.path.join(folder, "leaf.key")])


if __name__ == "__main__":
    sys.exit(main())
