#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures leat on several threads, each with a loop of its own, which share configuration, CAs and sessions.

What one message, or one connection, costs must not grow with the threads: more of them than processors are fine, because
what is looked for is contention. Locks are counted in a run of their own, by bench_locks.so: each is tried first, and one
that another thread has counts as contended. Prints Markdown. Exit status 1: something did not work."""
import os
import sys

from plan import CPU, Peer, Work
from report import measured_with, number, table
from turns import main, parser_of, remark_lines, take_turns

THREADS = (1, 2, 4, 8)
PEERS = [Peer(f"{n} thread{'s' if n > 1 else ''}", "bench_leat_threads") for n in THREADS]
LOCKS = (("locks_per_message", "locks taken"), ("contended_per_message", "of these contended"))


def works():
    for scheme in ("ws", "wss"):
        yield Work(f"64 B, 1 in flight, {scheme}", "echo", scheme, count=20000)
        yield Work(f"64 B, 128 in flight, {scheme}", "echo", scheme, count=400000, in_flight=128)
        yield Work(f"64 KiB, 4 in flight, {scheme}", "echo", scheme, size=65536, count=4000, in_flight=4)
    yield Work("open and close, ws", "open", count=2000)
    yield Work("open and close, wss, full", "open", "wss", count=400)
    yield Work("open and close, wss, resumed", "open", "wss", count=400, resume=True)


def measure_all(options, world):
    preload = str((options.build / "bin/bench_locks.so").resolve())

    def measure(peer, work):
        threads = THREADS[PEERS.index(peer)]
        count = threads * (4 if work.kind == "open" else 128) if options.quick else work.count
        found = world.run(peer, work, count, threads, 120)
        os.environ["LD_PRELOAD"] = preload
        try:
            counted = world.run(peer, work, count, threads, 120)
        finally:
            del os.environ["LD_PRELOAD"]
        return {**found, **{metric: counted[metric] for metric, _ in LOCKS}}
    chosen = [work for work in works() if options.only in work.name]
    return take_turns(chosen, PEERS, 1 if options.quick else options.rounds, measure, [CPU, *(metric for metric, _ in LOCKS)])


def markdown(results, where):
    names = [peer.name for peer in PEERS]
    yield measured_with(where)
    yield ""
    yield "CPU of the client in us per message or connection, of all threads together; in brackets what it is of that of one thread,"
    yield "the median of the rounds' ratios. Locks are pthread's, in leat and its libraries, for each message."
    yield ""
    rows = []
    for work in works():
        if work.name not in results.rounds:
            continue
        cells = [number(results.median(work.name, names[0], CPU))]
        for name in names[1:]:
            cells.append(f"{number(results.median(work.name, name, CPU))} ({number(results.ratio(work.name, CPU, name, names[0]))})")
        rows.append([f"{work.name}: CPU", *cells])
        for metric, label in LOCKS:
            rows.append([f"{work.name}: {label}", *(f"{results.median(work.name, name, metric) or 0:.3g}" for name in names)])
    yield from table(["", *names], rows)
    yield from remark_lines(results)


def run():
    return main("threads", parser_of(__doc__.splitlines()[0], 3).parse_args(), measure_all, markdown)


if __name__ == "__main__":
    sys.exit(run())
