#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The help texts of the tool are those in golden/, and fit a terminal.

usage: golden.py PROGRAM             compares
       golden.py PROGRAM --write     writes golden/ anew (script/generate does)
"""
import json
import subprocess
import sys
import unittest
from pathlib import Path

from patience import patience

GOLDEN = Path(__file__).parent / "golden"
PROGRAM = None
COLUMNS = 80
LINES = 23  # and one for the prompt below


def output(*arguments):
    result = subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=patience(10), check=True)
    assert result.stderr == b"", result
    return result.stdout.decode("utf-8")


def commands(command):
    yield command
    for below in command["commands"]:
        yield from commands(below)


def texts():
    """Name of the golden file -> text, for every command."""
    found = {}
    for command in commands(json.loads(output("--describe"))["tool"]):
        words = command["path"].split()
        name = "-".join(["leat", *words])
        found[f"{name}.txt"] = output(*words, "--help")
        found[f"{name}-all.txt"] = output(*words, "--help-all")
    return found


class Golden(unittest.TestCase):
    maxDiff = None

    def test_texts(self):
        now = texts()
        self.assertEqual(sorted(path.name for path in GOLDEN.glob("*.txt")), sorted(now), "run script/generate")
        for name, text in now.items():
            with self.subTest(name):
                self.assertEqual((GOLDEN / name).read_text(), text, "run script/generate if this is wanted")

    def test_they_fit_a_terminal(self):
        for name, text in texts().items():
            with self.subTest(name):
                for line in text.splitlines():
                    # A command to copy is not broken; everything else is.
                    self.assertTrue(len(line) <= COLUMNS or line.startswith("  leat "), line)
                if not name.endswith("-all.txt"):
                    self.assertLessEqual(text.count("\n"), LINES)

    def test_help_is_the_same_by_all_ways(self):
        self.assertEqual(output("help", "ws"), output("ws", "--help"))
        self.assertEqual(output("ws", "-h"), output("ws", "--help"))
        self.assertEqual(output("help"), output("--help"))


def write():
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.txt"):
        path.unlink()
    for name, text in texts().items():
        (GOLDEN / name).write_text(text)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main()
