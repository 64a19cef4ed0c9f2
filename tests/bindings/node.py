#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of bindings/node: its examples, and what it promises.

usage: node.py PROGRAM VERSION     the tool `leat` and its version
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINDING = ROOT / "bindings" / "node"
TIMEOUT_S = 280
PROGRAM, VERSION = os.path.abspath(sys.argv[1]), sys.argv[2]
NODE = shutil.which("node")


def node(*arguments, **changes):
    env = {**os.environ, "LEAT": PROGRAM, "NODE_PATH": f"{ROOT}/build/npm/node_modules:/usr/share/nodejs", **changes}
    return subprocess.run([NODE, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=BINDING,
                          env=env, stdin=subprocess.DEVNULL)


class NodeTest(unittest.TestCase):
    def test_package(self):
        package = json.loads((BINDING / "package.json").read_text())
        self.assertEqual(package["version"], VERSION)
        self.assertNotIn("dependencies", package)

    def test_types_name_what_there_is(self):
        types = (BINDING / "index.d.ts").read_text()
        code = (BINDING / "index.js").read_text()
        for name in re.findall(r"^  (?:static |async |static async )*(\w+)\([^)]*\) *\{|^  (?:static )?async (\w+)\(", code, re.M):
            name = name[0] or name[1]
            if name != "constructor":
                self.assertRegex(types, rf"\b{name}\(", name)

    def test_examples(self):
        if not NODE:
            print("left out: bindings/node's examples: there is no node")
            return
        # Which words name a folder has changed from Node to Node.
        files = sorted(str(file) for file in (BINDING / "examples").glob("*.test.js"))
        done = node("--test", "--test-reporter=tap", *files)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"(?m)^# pass \d\d", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^# fail 0$")
        self.assertIn("a proxy that refuses: openCareless", done.stdout)  # the bug that the example shows
        for line in sorted(set(re.findall(r"(?m)^(?:# )?(left out: .*)$", done.stdout))):
            print(line.replace("left out: ", "left out: bindings/node: "))

    def test_ends_without_close(self):
        """Who forgets close() ends all the same."""
        if not NODE:
            print("left out: bindings/node: there is no node")
            return
        done = node("-e", "require('.').Control.start().then((control) => control.wsServer()).then((s) => console.log(s.url))")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("ws://127.0.0.1:"), done.stdout)

    def test_close_waits_for_the_output(self):
        """close() resolves although the pipes of its output are closed later than the program has ended."""
        if not NODE:
            print("left out: bindings/node: there is no node")
            return
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "leat")
            program.write_text(f'#!/bin/sh\nsleep 1 &\nexec {shlex.quote(PROGRAM)} "$@"\n')
            program.chmod(0o755)
            done = node("-e", "require('.').Control.start().then((control) => control.close()).then(() => console.log('closed'))",
                        LEAT=str(program))
        self.assertEqual((done.stdout, done.stderr), ("closed\n", ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
