#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of container/: there is no docker here, so what the Dockerfile copies and runs is looked at without it.

usage: container.py PROGRAM     the tool `leat`
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "container"
PROGRAM = os.path.abspath(sys.argv[1])
TIMEOUT_S = 120


class ContainerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_dockerfile(self):
        text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
        for words in re.findall(r"^COPY (?!--from)(.*)$", text, re.M):
            *sources, _target = words.split()
            for source in sources:
                self.assertTrue((ROOT / source).exists(), source)
        run = re.search(r"^RUN (.*)$", text, re.M)[1]
        for program in re.findall(r"(?:^|&& )((?:script|container)/\w+)", run):
            self.assertTrue(os.access(ROOT / program, os.X_OK), program)
        preset = re.search(r"--preset (\w+)", run)[1]
        self.assertIn(f'"name": "{preset}"', (ROOT / "CMakePresets.json").read_text())
        options = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake" / "LeatDependencies.cmake").read_text()
        for option in re.findall(r"-D(\w+)=", run):
            self.assertIn(option, options)
        for name in re.findall(r'"/usr/local/bin/(\w+)"', text):
            self.assertTrue(os.access(FOLDER / name, os.X_OK), name)

    def collect(self):
        root = self.folder / "root"
        done = subprocess.run([FOLDER / "collect", PROGRAM, root], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return root

    def test_collected_program_runs_alone(self):
        root = self.collect()
        self.assertLess(sum(f.stat().st_size for f in root.rglob("*") if f.is_file()), 40 << 20)
        if os.geteuid() != 0:
            print("left out: the container's files by chroot: who tests is not root")
            return
        done = subprocess.run(["chroot", root, "/usr/local/bin/leat", "--version"], capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("leat "), done.stdout)

    def test_health(self):
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "leat").symlink_to(PROGRAM)
        busybox = shutil.which("busybox")
        if not busybox and not shutil.which("wget"):
            print("left out: the container's health check: there is neither busybox nor wget")
            return
        if busybox:  # as in the container
            (tools / "wget").symlink_to(busybox)
        env = {"PATH": f"{tools}:{os.environ['PATH']}", "LEAT_HOST": "127.0.0.1", "LEAT_PORT": "0", "LEAT_TOKEN": "s3cret",
               "TMPDIR": str(self.folder)}
        with subprocess.Popen([FOLDER / "start"], env=env, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = server.stdout.readline().strip().rsplit(":", 1)[1]
                token = self.folder / "leat-token"
                self.assertEqual(token.stat().st_mode & 0o77, 0)
                health = {**env, "LEAT_PORT": port}
                done = subprocess.run([FOLDER / "health"], env=health, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                token.write_text("another\n")
                done = subprocess.run([FOLDER / "health"], env=health, capture_output=True, timeout=TIMEOUT_S, check=False)
                self.assertNotEqual(done.returncode, 0)
                token.write_text("s3cret\n")
            finally:
                server.terminate()
            self.assertEqual(server.wait(TIMEOUT_S), 0)
            done = subprocess.run([FOLDER / "health"], env=health, capture_output=True, timeout=TIMEOUT_S, check=False)
            self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
