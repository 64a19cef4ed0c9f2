#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How script/bench turns measurements into verdicts."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import plan  # noqa: E402
import latency  # noqa: E402
import loops  # noqa: E402
import report  # noqa: E402
import threads  # noqa: E402


def results_of(**peers):
    """Of one work, "w": a list of CPU times for each library."""
    results = report.Results()
    for name, values in peers.items():
        for i, value in enumerate(values):
            results.add("w", name, i, {plan.CPU: value} if value is not None else None)
    return results


class Numbers(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds(self):
        results = results_of(leat=[1, 20, 3], beast=[2, 10, 30])
        self.assertEqual(results.ratio("w", plan.CPU, "leat", "beast"), 0.5)

    def test_a_round_without_one_of_them_does_not_count(self):
        results = results_of(leat=[1, 20, 3], beast=[None, 10])
        self.assertEqual(results.ratio("w", plan.CPU, "leat", "beast"), 2)
        self.assertIsNone(results.ratio("w", plan.CPU, "leat", "libcurl"))

    def test_the_best_peer_is_a_library(self):
        results = results_of(leat=[1], beast=[5], libwebsockets=[4], bare=[0.1], libcurl=[0])
        self.assertEqual(results.best_peer("w", plan.CPU), "libwebsockets")


class Comparison(unittest.TestCase):
    def test_two_revisions_stand_side_by_side(self):
        peers, kept = plan.compared_peers("/somewhere/bench_leat"), list(plan.PEERS)
        self.assertEqual([(peer.name, peer.driver) for peer in peers],
                         [("leat", "bench_leat"), ("before", "/somewhere/bench_leat")])
        plan.PEERS[:] = peers
        try:
            results = results_of(leat=[3, 3, 50], before=[4, 6, 40])
            lines = list(report.message_table(results, [plan.Work("w", "echo")]))
        finally:
            plan.PEERS[:] = kept
        self.assertEqual(lines[2], "| work | leat | before |")
        self.assertEqual(lines[4], "| w | 3 | 6 (0.75) |")


class Verdicts(unittest.TestCase):
    def judge(self, results, target):
        value, against = report.target_value(results, target)
        return value, against, report.verdict(results, target, value)

    def test_against_a_library(self):
        results = results_of(leat=[6, 6], beast=[10, 8])
        self.assertEqual(self.judge(results, plan.Target("w", plan.CPU, 0.7, "beast")), (0.675, "beast", "yes"))
        self.assertEqual(self.judge(results, plan.Target("w", plan.CPU, 0.6, "beast"))[2], "NO")

    def test_a_number_by_itself(self):
        self.assertEqual(self.judge(results_of(leat=[3, 5]), plan.Target("w", plan.CPU, 4)), (4, "", "yes"))

    def test_the_best_peer_needs_all_of_them(self):
        results = results_of(leat=[1], beast=[10], libwebsockets=[20])
        target = plan.Target("w", plan.CPU, 0.2, plan.BEST)
        self.assertEqual(self.judge(results, target), (0.1, "beast", "not without libcurl, websocketpp, libsoup, qt, gorilla, libuv"))
        for name in ("libcurl", "websocketpp", "libsoup", "qt", "gorilla", "libuv"):
            results.remarks["w", name] = "it cannot do that"
        self.assertEqual(self.judge(results, target)[2], "yes")

    def test_against_another_work(self):
        results = results_of(leat=[3, 5])
        for i, value in enumerate((6, 8)):
            results.add("v", "beast", i, {plan.CPU: value})
        value, against, verdict = self.judge(results, plan.Target("w", plan.CPU, 0.6, "beast", "v"))
        self.assertEqual((value, against, verdict), ((3 / 6 + 5 / 8) / 2, "beast, v", "yes"))

    def test_round_trips(self):
        way = plan.OPENINGS[0]
        for round_trips, verdict in ((way.at_most, "yes"), (way.at_most + 1, "NO")):
            flights = {way.name: {"leat": {"round_trips": round_trips, "open_ms": 1.0}}}
            self.assertTrue(list(report.target_table(report.Results(), flights, {}))[-1].endswith(f"| {verdict} |"))


    def test_the_size(self):
        for size, verdict in ((plan.SIZE_AT_MOST, "yes"), (plan.SIZE_AT_MOST + 1, "NO")):
            table = list(report.target_table(report.Results(), {}, {"leat": size}))
            self.assertTrue(table[-1].endswith(f"| {verdict} |"))


class Plan(unittest.TestCase):
    def test_every_target_is_of_a_work(self):
        names = [work.name for work in plan.all_works()]
        self.assertEqual(len(names), len(set(names)))
        for target in plan.TARGETS:
            self.assertIn(target.work, names)
            self.assertIn(target.other or target.work, names)

    def test_a_work_of_the_targets_is_measured_with_whom_it_is_compared(self):
        for work in plan.target_works():
            names = {peer.name for peer in plan.target_peers(work)}
            self.assertIn("leat", names)
            for target in plan.TARGETS:
                if target.peer == plan.BEST and target.work == work.name:
                    self.assertLessEqual(set(report.LIBRARIES) - {"ws", "websockets"}, names)
                elif target.peer and (target.other or target.work) == work.name:
                    self.assertIn(target.peer, names)


    def test_works_that_are_compared_take_turns(self):
        group_of = {work.name: work.group or work.name for work in plan.all_works()}
        for target in plan.TARGETS:
            if target.other:
                self.assertEqual(group_of[target.work], group_of[target.other])


class Side(unittest.TestCase):
    """The measurements beside the whole run."""

    def test_latency_is_held_against_the_best_library(self):
        work = next(latency.works())
        results = report.Results()
        for name, value in (("leat", 12), ("beast", 10), ("libwebsockets", 40), ("bare", 1)):
            results.add(work.name, name, 0, {metric: value for metric, _ in latency.METRICS})
        lines = list(latency.markdown(results, {"date": "today"}))
        self.assertIn(f"| {work.name}: p99.9 | 12.0 | 10.0 | 40.0 | 1 | 1.2 (beast) |", lines)

    def test_threads_are_held_against_one(self):
        work = next(threads.works())
        results = report.Results()
        for peer, value in zip(threads.PEERS, (10, 11, 12, 20)):
            results.add(work.name, peer.name, 0, {plan.CPU: value, "locks_per_message": 0.5, "contended_per_message": 0})
        lines = list(threads.markdown(results, {"date": "today"}))
        self.assertIn(f"| {work.name}: CPU | 10.0 | 11.0 (1.1) | 12.0 (1.2) | 20.0 (2) |", lines)
        self.assertIn(f"| {work.name}: locks taken | 0.5 | 0.5 | 0.5 | 0.5 |", lines)

    def test_what_is_missing_is_left_out_with_its_reason(self):
        work = next(loops.works())
        results = report.Results()
        results.add(work.name, "epoll", 0, {plan.CPU: 2})
        results.remarks[work.name, "io_uring"] = "io_uring_setup: Operation not permitted"
        lines = list(loops.markdown(results, {"date": "today"}))
        self.assertIn(f"| {work.name} | 2 | - | - |", lines)
        self.assertEqual(lines[-1], "- left out: io_uring: io_uring_setup: Operation not permitted")

    def test_a_rate_is_told_to_the_driver(self):
        arguments = plan.Work("w", "rate", rate=5, bulk=True).arguments(10, 1)
        self.assertEqual(arguments[-3:], ["--rate", "5", "--bulk"])


class Page(unittest.TestCase):
    def test_results_replace_results(self):
        page = f"before\n{report.BEGIN}\n\nold\n\n{report.END}\nbehind\n"
        once = report.replace_results(page, "new\n")
        self.assertEqual(once, f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nbehind\n")
        self.assertEqual(report.replace_results(once, "new"), once)

    def test_the_page_has_a_place_for_them(self):
        text = (Path(__file__).parents[2] / "docs/PERFORMANCE-RESULTS.md").read_text(encoding="utf-8")
        self.assertIn("kept", report.replace_results(text, "kept"))
        for name in ("latency", "threads", "loops"):
            self.assertIn("kept", report.replace_results(text, "kept", report.marks(name)))

    def test_what_was_not_measured_is_left_out(self):
        text = report.markdown(report.Results(), plan.all_works(), {}, {}, {"date": "today"})
        self.assertEqual(text, "Measured with date today.\n")


if __name__ == "__main__":
    unittest.main()
