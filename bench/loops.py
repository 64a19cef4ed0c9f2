#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures bare sockets over epoll beside bare sockets over io_uring: what a loop by io_uring could save.

See docs/decisions/0009-epoll-and-not-io-uring.md. Prints Markdown. Exit status 1: something did not work."""
import sys

from plan import CPU, KIB, Peer, Work
from report import measured_with, number, table
from turns import main, parser_of, remark_lines, take_turns

EPOLL, URING = Peer("epoll", "bench_bare_epoll", limit=True), Peer("io_uring", "bench_bare_uring", limit=True)
PEERS = [EPOLL, URING]
QUICK_COUNT = 16


def works():
    yield Work("64 B, 1 in flight, ws", "echo", count=20000)
    yield Work("64 B, 128 in flight, ws", "echo", count=300000, in_flight=128)
    yield Work("64 KiB, 4 in flight, ws", "echo", size=64 * KIB, count=4000, in_flight=4)
    yield Work("open and close, ws", "open", count=1500)


def measure_all(options, world):
    def measure(peer, work):
        return world.run(peer, work, QUICK_COUNT if options.quick else work.count, 1, 120)
    chosen = [work for work in works() if options.only in work.name]
    return take_turns(chosen, PEERS, 1 if options.quick else options.rounds, measure, [CPU])


def markdown(results, where):
    yield measured_with(where)
    yield ""
    rows = [[work.name, *(number(results.median(work.name, peer.name, CPU)) for peer in PEERS),
             number(results.ratio(work.name, CPU, URING.name, EPOLL.name))] for work in works() if work.name in results.rounds]
    yield from table(["client CPU in us per message or connection", "epoll", "io_uring", "io_uring / epoll"], rows)
    yield from remark_lines(results)


def run():
    return main("loops", parser_of(__doc__.splitlines()[0], 7).parse_args(), measure_all, markdown)


if __name__ == "__main__":
    sys.exit(run())
