#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures leat beside its peers. script/bench sets everything up and calls this.

Rounds are interleaved: in each, every library does the same work one after the other, so that what disturbs the
machine disturbs all of them. Exit status 1: something did not work, or the server would have been the limit.
"""
import argparse
import datetime
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from plan import DELAY_MS, PEERS, ROUND_TRIPS_AT_MOST, Work, all_works
from report import Results, markdown, number, plot
from world import Unsupported, Void, World, library_sizes, pin, say

# From here on the server is busier than its client: what clocks and interrupts blur is less.
SERVER_BUSIER = 1.1
QUICK_COUNT, QUICK_CONNECTIONS = 64, 20
SLOW_CONNECTIONS = 1000
ROUND_TRIP_REPEATS = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="the build folder with the drivers")
    parser.add_argument("--quick", action="store_true", help="function only: seconds, and no number means anything")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="works whose names contain this")
    parser.add_argument("--peers", default="", help="names of drivers, separated by commas")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--plot", type=Path, help="draw an SVG there")
    return parser.parse_args()


class Bench:
    def __init__(self, options, world):
        self.options, self.world = options, world
        self.results = Results()
        self.failures = []
        self.peers = [peer for peer in PEERS if not options.peers or peer.name in options.peers.split(",")]
        self.works = [work for work in all_works() if options.only in work.name]
        if options.quick:
            self.works = [work for work in self.works if work.connections <= 1000]

    def size_of(self, peer, work):
        """How much of the work this library does."""
        count, connections = work.count, work.connections
        if peer.slow:
            count = max(1, count // 10)
        if self.options.quick:
            count = min(count, QUICK_COUNT, 8 if work.size > 65536 or work.kind == "open" else QUICK_COUNT)
            connections = min(connections, QUICK_CONNECTIONS)
        return count, connections

    def measure(self, peer, work, number_of_round):
        if (work.name, peer.name) in self.results.remarks:
            return
        if peer.slow and work.connections > SLOW_CONNECTIONS:
            return
        count, connections = self.size_of(peer, work)
        limit_s = 60 if self.options.quick else 600
        try:
            result = self.world.run(peer, work, count, connections, limit_s)
            self.results.add(work.name, peer.name, number_of_round, result)
        except Unsupported as error:
            self.results.remarks[work.name, peer.name] = str(error)
        except Void as error:
            self.results.remarks[work.name, peer.name] = "failed"
            self.failures.append(str(error))

    def run_work(self, work):
        rounds = 1 if self.options.quick else min(self.options.rounds, work.rounds or self.options.rounds)
        for i in range(rounds):
            for peer in self.peers:
                self.measure(peer, work, i)
        self.judge_server(work)
        found = ((peer.name, self.results.median(work.name, peer.name, "cpu_us_per_message")) for peer in self.peers)
        say(f"{work.name}: " + ", ".join(f"{name} {number(value)}" for name, value in found if value) + " us")

    def judge_server(self, work):
        if self.options.quick or work.kind not in ("echo", "send", "receive"):
            return
        for peer in self.peers:
            server = self.results.median(work.name, peer.name, "server_cpu_s")
            client = self.results.median(work.name, peer.name, "cpu_s")
            if not client or server <= client * SERVER_BUSIER:
                continue
            share = f"{work.name}: the server was {server / client:.2f} times as busy as {peer.name}"
            self.results.notes.append(share)
            if work.judges_server and not peer.limit:
                self.failures.append(share)

    def run(self):
        """Everything, or what there is when somebody interrupts. Returns the round trips."""
        flights = {}

        def interrupt(*_):
            raise KeyboardInterrupt
        for number_of_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number_of_signal, interrupt)
        try:
            flights = self.run_flights()
            for work in self.works:
                self.run_work(work)
            return flights
        except KeyboardInterrupt:
            self.failures.append("interrupted")
            return flights

    def run_flights(self):
        """Round trips to an open connection."""
        found = {}
        if self.options.only and self.options.only not in "round trips":
            return found
        work = Work("round trips", "reach", "wss", socks5=True)
        for peer in self.peers:
            try:
                tries = [self.world.flights(peer, work, DELAY_MS, 60)
                         for _ in range(1 if self.options.quick else ROUND_TRIP_REPEATS)]
                found[peer.name] = {key: statistics.median(one[key] for one in tries) for key in tries[0]}
            except Unsupported as error:
                self.results.remarks[work.name, peer.name] = str(error)
            except Void as error:
                self.failures.append(str(error))
        mine = found.get("leat", {}).get("round_trips", 0)
        if mine > ROUND_TRIPS_AT_MOST:
            self.failures.append(f"leat needs {mine} round trips to open, at most {ROUND_TRIPS_AT_MOST} are allowed")
        return found


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())


def conditions(options):
    return {
        "date": datetime.date.today().isoformat(), "processor": cpu_name(), "processors": os.cpu_count(),
        "kernel": platform.release(), "rounds": options.rounds, "load": os.getloadavg()[0],
        "quick": options.quick,
    }


def main():
    options = arguments()
    where = conditions(options)
    with tempfile.TemporaryDirectory(prefix="leat-bench.") as name:
        folder = Path(name)
        pin(1)
        world = World(options.build, folder)
        try:
            bench = Bench(options, world)
            flights = bench.run()
        finally:
            world.stop()
        sizes = library_sizes(options.build, folder)
        text = markdown(bench.results, bench.works, flights, sizes)
        if options.plot:
            plot(bench.results, folder, options.plot)
    print("Measured with " + ", ".join(f"{key} {value}" for key, value in where.items()) + ".\n")
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n")
    if options.json:
        remarks = [{"work": work, "client": peer, "remark": why} for (work, peer), why in bench.results.remarks.items()]
        options.json.write_text(json.dumps({"conditions": where, "rounds": bench.results.rounds, "flights": flights, "notes": bench.results.notes,
                                            "sizes": sizes, "remarks": remarks, "failures": bench.failures}, indent=1))
    for failure in bench.failures:
        say(f"FAILED: {failure}")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
