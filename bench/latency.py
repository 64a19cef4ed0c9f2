#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how long echoes take at a fixed rate: leat beside Boost.Beast, libwebsockets and bare sockets.

The loop is open: a message's time counts from when it was due, not from when it could be sent, so that a client that
stands still is charged for all that had to wait for it. Libraries take turns within a round. Prints Markdown. Exit status
1: something did not work; no time is a failure."""
import subprocess
import sys

from plan import CPU, PEERS, Work
from report import measured_with, number, table
from turns import main, parser_of, remark_lines, take_turns
from world import CLIENT_CORE, pin

NAMES = ("leat", "beast", "libwebsockets", "bare")
BULK = "bulk_per_message"
METRICS = (("p50_us", "p50"), ("p99_us", "p99"), ("p999_us", "p99.9"), (CPU, "CPU for each"))
QUICK_SECONDS = 0.05


def works():
    for scheme in ("ws", "wss"):
        for rate in (1000, 10000, 20000):
            yield Work(f"{rate:,} a second, {scheme}", "rate", scheme, rate=rate)
        yield Work(f"10,000 a second, {scheme}, beside 64 KiB messages", "rate", scheme, rate=10000, bulk=True)
        yield Work(f"10,000 a second, {scheme}, beside a busy process", "rate", scheme, rate=10000, spinner=True)
    for rate in (1000, 10000):
        yield Work(f"{rate:,} a second, ws, SOCKS5", "rate", rate=rate, socks5=True)


class Spinner:
    """A process that is always busy, where the client runs, and as important as the client."""

    def __init__(self, wanted):
        pin(CLIENT_CORE)
        self.child = subprocess.Popen(["/usr/bin/python3", "-c", "while True: pass"]) if wanted else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child:
            self.child.kill()
            self.child.wait()


def measure_all(options, world):
    peers = [peer for name in NAMES for peer in PEERS if peer.name == name]
    seconds = QUICK_SECONDS if options.quick else options.seconds

    def measure(peer, work):
        with Spinner(work.spinner):
            return world.run(peer, work, max(1, int(work.rate * seconds)), 1, 120)
    chosen = [work for work in works() if options.only in work.name]
    return take_turns(chosen, peers, 1 if options.quick else options.rounds, measure, [metric for metric, _ in METRICS])


def markdown(results, where):
    """Lines. The best library beside leat is judged by each number."""
    names = [name for name in NAMES if any(name in peers for peers in results.rounds.values())]
    yield measured_with(where)
    yield ""
    yield "Microseconds from when an echo of 64 B was due to when it was there: medians of the rounds. The last column is leat's"
    yield "number divided by that of the best library beside it, the median of the rounds' ratios."
    yield ""
    rows = []
    for work in works():
        if work.name not in results.rounds:
            continue
        for metric, label in METRICS:
            best = results.best_peer(work.name, metric)
            ratio = results.ratio(work.name, metric, "leat", best) if best else None
            rows.append([f"{work.name}: {label}", *(number(results.median(work.name, name, metric)) for name in names),
                         f"{number(ratio)} ({best})" if ratio else "-"])
        if work.bulk:
            rows.append([f"{work.name}: of those, for each echo",
                         *(number(results.median(work.name, name, BULK)) for name in names), "-"])
    yield from table(["", *names, "leat / best"], rows)
    yield from remark_lines(results)


def arguments():
    parser = parser_of(__doc__.splitlines()[0], 5)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    return parser.parse_args()


def run():
    return main("latency", arguments(), measure_all, markdown)


if __name__ == "__main__":
    sys.exit(run())
