#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures leat beside its peers. script/bench sets everything up and calls this.

Rounds are interleaved: in each, every library does the same work one after the other, so that what disturbs the
machine disturbs all of them. Exit status 1: something did not work, or the server would have been the limit.
"""
import argparse
import datetime
import itertools
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from plan import DELAY_MS, OPENINGS, PEERS, all_works, compared_peers, target_peers, target_works
from report import Results, markdown, number, plot, replace_results
from world import Unsupported, Void, World, library_sizes, pin, run_apart, say, tls_primitives

# From here on the server is busier than its client: what clocks and interrupts blur is less.
SERVER_BUSIER = 1.1
# Rounds of what has a target, of a run for the targets alone, and of everything else.
TARGET_ROUNDS, TARGETS_ONLY_ROUNDS, OTHER_ROUNDS = 5, 7, 2
QUICK_COUNT, QUICK_CONNECTIONS = 64, 20
# Of echoes over idle connections: only leat's have a target, and some libraries poll all descriptors for each.
IDLE_PEER_COUNT = 500
SLOW_CONNECTIONS = 1000
OPENING_REPEATS = 5
PAGE = Path(__file__).parent.parent / "docs/PERFORMANCE-RESULTS.md"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, required=True, help="the build folder with the drivers")
    parser.add_argument("--quick", action="store_true", help="function only: seconds, and no number means anything")
    parser.add_argument("--targets", action="store_true", help="only what is to be reached, in more rounds")
    parser.add_argument("--rounds", type=int, default=0, help="of every work, instead of what is usual")
    parser.add_argument("--only", default="", help="works whose names contain this")
    parser.add_argument("--peers", default="", help="names of drivers, separated by commas")
    parser.add_argument("--before", type=Path, help="the driver of another leat, to be compared with this one alone")
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--plot", type=Path, help="draw an SVG there")
    parser.add_argument("--update-docs", action="store_true",
                        help="measure nothing: put the results of the last whole run into docs/")
    return parser.parse_args()


class Bench:
    def __init__(self, options, world):
        self.options, self.world = options, world
        self.results = Results()
        self.failures = []
        self.peers = [peer for peer in PEERS if not options.peers or peer.name in options.peers.split(",")]
        works = target_works() if options.targets else all_works()
        self.works = [work for work in works if options.only in work.name]
        if options.quick:
            self.works = [work for work in self.works if work.connections <= 1000]

    def peers_of(self, work):
        if not self.options.targets or self.options.before:
            return self.peers
        return [peer for peer in target_peers(work) if peer in self.peers]

    def rounds_of(self, work):
        if self.options.quick:
            return 1
        usual = TARGETS_ONLY_ROUNDS if self.options.targets else TARGET_ROUNDS if work in target_works() else OTHER_ROUNDS
        rounds = self.options.rounds or usual
        return min(rounds, work.rounds) if work.rounds else rounds

    def size_of(self, peer, work):
        """How much of the work this library does."""
        count, connections = work.count, work.connections
        if peer.slow:
            count = max(1, count // 10)
        elif work.kind == "idle" and peer.name not in ("leat", "before"):
            count = min(count, IDLE_PEER_COUNT)
        if self.options.quick:
            count = min(count, QUICK_COUNT, 8 if work.size > 65536 or work.kind == "open" else QUICK_COUNT)
            connections = min(connections, QUICK_CONNECTIONS)
        return count, connections

    def measure(self, peer, work, number_of_round):
        if (work.name, peer.name) in self.results.remarks:
            return
        if peer.slow and (work.connections > SLOW_CONNECTIONS or number_of_round > 0):
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

    def run_group(self, works):
        """Works that take turns, round by round."""
        for i in range(max(self.rounds_of(work) for work in works)):
            for work in works:
                for peer in self.peers_of(work) if i < self.rounds_of(work) else ():
                    self.measure(peer, work, i)
        for work in works:
            self.finish(work)

    def finish(self, work):
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
        """Everything, or what there is when somebody interrupts. Returns the openings."""
        flights = {}

        def interrupt(*_):
            raise KeyboardInterrupt
        for number_of_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number_of_signal, interrupt)
        try:
            flights = self.run_openings()
            for _, works in itertools.groupby(self.works, lambda work: work.group or work.name):
                self.run_group(list(works))
            return flights
        except KeyboardInterrupt:
            self.failures.append("interrupted")
            return flights

    def run_openings(self):
        """flights[way][library] = round trips and milliseconds to an open connection."""
        if self.options.only and self.options.only not in "opening":
            return {}
        repeats = 1 if self.options.quick else OPENING_REPEATS
        names = [peer.name for peer in self.peers if not peer.slow]
        try:
            found, failures = run_apart(lambda fast_open: measure_openings(self.options.build, names, repeats, fast_open))
        except Void as error:
            found, failures = {}, [str(error)]
        self.failures += failures
        for opening in OPENINGS:
            mine = found.get(opening.name, {}).get("leat", {}).get("round_trips", 0)
            say(f"opening {opening.name}: leat {mine} round trips")
            # A peer that is late on a busy machine refuses early data; `--quick` is a test, and judges no number.
            if mine > opening.at_most and not self.options.quick:
                self.failures.append(f"leat needs {mine} round trips to open {opening.name}, not {opening.at_most}")
        return found


def measure_openings(build, names, repeats, fast_open):
    """In a world of its own: the results as Bench.run_openings() has them, and what failed."""
    found, failures = {}, []
    with tempfile.TemporaryDirectory(prefix="leat-bench.") as folder:
        world = World(build, folder)
        try:
            for opening in OPENINGS:
                if opening.needs_fast_open and not fast_open:
                    continue
                for peer in PEERS:
                    if peer.name not in names or (peer.name != "leat" and not opening.is_everybodys):
                        continue
                    try:
                        tries = [world.flights(peer, opening, DELAY_MS, 60) for _ in range(repeats)]
                        found.setdefault(opening.name, {})[peer.name] = {
                            key: statistics.median_low(one[key] for one in tries) for key in tries[0]}
                    except Unsupported:
                        pass
                    except Void as error:
                        failures.append(str(error))
        finally:
            world.stop()
    return found, failures


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())


def congestion_control():
    """Of TCP: bbr takes twice of cubic's processor time for long messages."""
    try:
        return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def scheduler():
    """Under which the measurement runs, with its nice value: both are inherited."""
    names = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}
    return f"{names.get(os.sched_getscheduler(0), 'another')} nice {os.getpriority(os.PRIO_PROCESS, 0)}"


def conditions(options):
    found = {
        "date": datetime.date.today().isoformat(), "processor": cpu_name(), "processors": os.cpu_count(),
        "kernel": platform.release(), "congestion control": congestion_control(), "load before": round(os.getloadavg()[0], 2),
        "TLS primitives of leat by": tls_primitives(options.build), "scheduler": scheduler(),
    }
    for name in ("quick", "targets", "rounds"):
        if getattr(options, name):
            found[name] = getattr(options, name)
    return found


def update_docs(options):
    """The results of the last whole run, which are in the build folder, go into the documentation."""
    text = (options.build / "results.md").read_text(encoding="utf-8")
    PAGE.write_text(replace_results(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    shutil.copyfile(options.build / "performance.svg", PAGE.parent / "performance.svg")


def measure(options):
    """Returns what failed."""
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
        text = markdown(bench.results, bench.works, flights, sizes, where)
        if options.plot:
            plot(bench.results, folder, options.plot)
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if options.json:
        remarks = [{"work": work, "client": peer, "remark": why} for (work, peer), why in bench.results.remarks.items()]
        options.json.write_text(json.dumps({
            "conditions": where, "rounds": bench.results.rounds, "openings": flights, "notes": bench.results.notes,
            "sizes": sizes, "remarks": remarks, "failures": bench.failures}, indent=1), encoding="utf-8")
    return bench.failures


def main():
    options = arguments()
    if options.before:
        PEERS[:] = compared_peers(options.before.resolve())
    if options.update_docs:
        update_docs(options)
        return 0
    failures = measure(options)
    for failure in failures:
        say(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
