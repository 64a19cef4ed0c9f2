# SPDX-License-Identifier: Apache-2.0
"""What the smaller measurements of script/bench have in common: taking turns, and their place in the documentation."""
import argparse
import tempfile
from pathlib import Path

from report import Results, marks, number, replace_results
from run import PAGE, conditions
from world import CLIENT_CORE, Unsupported, Void, World, pin, say


def take_turns(works, peers, rounds, measure, metrics):
    """Within a round each peer does the same work in turn. measure(peer, work) returns a dictionary of numbers; `metrics`
    are told as it goes on. Returns the results and what failed."""
    results, failures = Results(), []
    for work in works:
        for i in range(rounds):
            for peer in peers:
                if (work.name, peer.name) in results.remarks:
                    continue
                try:
                    results.add(work.name, peer.name, i, measure(peer, work))
                except Unsupported as why:
                    results.remarks[work.name, peer.name] = str(why)
                except Void as why:
                    failures.append(str(why))
        say(f"{work.name}: " + ", ".join(
            f"{peer.name} " + "/".join(number(results.median(work.name, peer.name, metric)) for metric in metrics)
            for peer in peers))
    return results, failures


def remark_lines(results):
    """Why numbers are missing."""
    found = sorted({f"{peer}: {why}" for (_, peer), why in results.remarks.items()})
    return ["", *(f"- left out: {line}" for line in found)] if found else []


def parser_of(description, rounds):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", type=Path, required=True, help="the build folder with the drivers")
    parser.add_argument("--quick", action="store_true", help="function only: no number means anything")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--only", default="", help="works whose names contain this")
    parser.add_argument("--update-docs", action="store_true", help="measure nothing: put the last whole run's results into docs/")
    parser.set_defaults(targets=False)
    return parser


def main(name, options, measure_all, markdown):
    """measure_all(options, world) as take_turns() returns; markdown(results, conditions) yields lines. The exit status."""
    kept = options.build / f"{name}.md"
    if options.update_docs:
        PAGE.write_text(replace_results(PAGE.read_text(encoding="utf-8"), kept.read_text(encoding="utf-8"), marks(name)),
                        encoding="utf-8")
        return 0
    where = conditions(options)
    with tempfile.TemporaryDirectory(prefix="leat-bench.") as folder:
        pin(CLIENT_CORE)
        world = World(options.build, folder)
        try:
            results, failures = measure_all(options, world)
        finally:
            world.stop()
    text = "\n".join(markdown(results, where)) + "\n"
    print(text, end="")
    if not (options.quick or options.only):
        kept.write_text(text, encoding="utf-8")
    for failure in failures:
        say(f"FAILED: {failure}")
    return 1 if failures else 0
