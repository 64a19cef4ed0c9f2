#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of bindings/python: its examples, its plugin, its wheel.

usage: python.py PROGRAM LIBRARY VERSION     the tool `leat`, libleat.so.N and the version of both
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINDING = ROOT / "bindings" / "python"
TIMEOUT_S = 280
PYTHON = "/usr/bin/python3"  # that of Debian's packages
PROGRAM, LIBRARY, VERSION = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]


def has(module):
    return subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def environment(**changes):
    env = {**os.environ, "LEAT": PROGRAM, "LEAT_LIBRARY": LIBRARY, "PYTHONPATH": str(BINDING), "PYTHONDONTWRITEBYTECODE": "1",
           "PYTEST_ADDOPTS": "", **changes}
    # A library with a sanitizer wants to be loaded first.
    return {name: value for name, value in env.items() if value is not None}


class PythonTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def python(self, *arguments, env=None, cwd=None):
        return subprocess.run([PYTHON, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
                              env=env or environment(), cwd=cwd or self.folder, stdin=subprocess.DEVNULL)

    def pytest(self, *arguments, plugin=True, **options):
        words = ["-p", "leat_testing.pytest_plugin"] if plugin else []
        return self.python("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *words, *arguments, **options)

    def test_version(self):
        text = (BINDING / "pyproject.toml").read_text()
        self.assertEqual(re.search(r'^version = "(.*)"', text, re.M)[1], VERSION)
        self.assertIn(f'__version__ = "{VERSION}"', (BINDING / "leat_testing" / "__init__.py").read_text())

    def test_examples(self):
        if not has("pytest"):
            print("left out: bindings/python's examples: there is no pytest")
            return
        done = self.pytest(str(BINDING / "examples"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in re.findall(r"^SKIPPED.*", done.stdout, re.M):
            print("left out: bindings/python:", line)
        self.assertRegex(done.stdout, r"\d+ passed")
        if has("socks"):
            self.assertRegex(done.stdout, r"\d+ xfailed")  # the bugs that the examples show

    def test_a_failure_prints_what_was_seen(self):
        if not has("pytest"):
            print("left out: bindings/python's plugin: there is no pytest")
            return
        (self.folder / "test_it.py").write_text(
            "import socket\n"
            "def test_step(socks5_proxy):\n"
            "    proxy = socks5_proxy()\n"
            "    socket.create_connection((proxy.host, proxy.port)).close()\n"
            "    assert proxy.wait_idle()\n"
            "    proxy.assert_step('reply', timeout=0)\n"
            "def test_other(connect_proxy):\n"
            "    proxy = connect_proxy()\n"
            "    assert False, 'no'\n")
        capture = self.folder / "run.pcapng"
        done = self.pytest("--leat-pcapng", str(capture), "test_it.py")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("step reply was reached 0 times within 0 s, not 1", done.stdout)
        self.assertRegex(done.stdout, r"ms  #1 accept +127\.0\.0\.1:")
        self.assertRegex(done.stdout, r"(?s)leat: connect-\d+ -.*nobody has connected")
        self.assertEqual(capture.read_bytes()[:4], b"\n\r\r\n")

    def test_without_a_program(self):
        code = "import leat_testing; leat_testing.Control()"
        done = self.python("-c", code, env=environment(LEAT="/nowhere/leat"))
        self.assertIn("$LEAT is /nowhere/leat, which is no program", done.stderr)
        done = self.python("-c", code, env=environment(LEAT=None, PATH="/nowhere"))
        self.assertIn("install it (Debian: the package leat), or set $LEAT to its path", done.stderr)
        done = self.python("-c", code, env=environment(LEAT="/bin/false"))
        self.assertIn("/bin/false serve control", done.stderr)

    def test_without_a_library(self):
        done = self.python("-c", "import leat; leat.connect('ws://a.test/')", env=environment(LEAT_LIBRARY="/nowhere/libleat.so"))
        self.assertIn("set $LEAT_LIBRARY to its path", done.stderr)

    def test_nothing_outlives_its_process(self):
        """Also when it is killed: whoever reads the servers' port is told."""
        code = ("import leat_testing, os, signal, sys\n"
                "control = leat_testing.Control()\n"
                "print(control.ws_server().port, control.process.pid, flush=True)\n"
                "os.kill(os.getpid(), signal.SIGKILL)\n")
        done = self.python("-c", code)
        port, pid = done.stdout.split()
        self.assertEqual(done.returncode, -9)
        self.assertGreater(int(port), 0)
        for _ in range(10000):
            try:
                if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
                    break
            except OSError:
                break
            subprocess.run(["sleep", "0.02"], check=True)
        else:
            self.fail("the control is still there")

    def test_one_ca_for_many_threads(self):
        done = self.python("-c", "import leat_testing, concurrent.futures as f\n"
                           "with leat_testing.Control() as control, f.ThreadPoolExecutor(16) as pool:\n"
                           "    pems = list(pool.map(lambda _: open(control.ca.path).read(), range(64)))\n"
                           "    assert set(pems) == {control.ca.pem}\n"
                           "    assert len({id(ca) for ca in pool.map(lambda _: control.ca, range(64))}) == 1\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_wheel(self):
        env = environment(LEAT_WHEEL_PROGRAM=PROGRAM, LEAT_WHEEL_LIBRARY=LIBRARY)
        made = self.python(str(BINDING / "build_backend.py"), str(self.folder), env=env)
        if "libasan" in made.stderr or "not found" in made.stderr:
            print("left out: a wheel: " + made.stderr.strip().splitlines()[-1])
            return
        self.assertEqual(made.returncode, 0, made.stderr)
        wheel = pathlib.Path(made.stdout.strip())
        self.assertRegex(wheel.name, rf"^leat_testing-{re.escape(VERSION)}-py3-none-linux_\w+\.whl$")
        again = self.python(str(BINDING / "build_backend.py"), str(self.folder), env=env)
        self.assertEqual(again.returncode, 0)
        installed = self.folder / "installed"
        with zipfile.ZipFile(wheel) as archive:
            self.assertEqual(archive.getinfo("leat_testing/bin/leat").external_attr >> 16, 0o100755)
            archive.extractall(installed)
        (installed / "leat_testing" / "bin" / "leat").chmod(0o755)
        env = environment(LEAT=None, LEAT_LIBRARY=None, PATH="/nowhere", PYTHONPATH=str(installed))
        done = self.python("-c", "import leat, leat_testing\n"
                           "with leat_testing.Control() as control, leat.connect(control.ws_server().url) as ws:\n"
                           "    ws.send('of the wheel'); print(ws.recv(60), leat_testing.find_program())", env=env)
        self.assertEqual(done.stdout, f"of the wheel {installed}/leat_testing/bin/leat\n", done.stderr)
        if has("pytest"):  # the plugin is found by its entry point
            (self.folder / "test_it.py").write_text("def test_it(ca):\n    assert 'BEGIN CERTIFICATE' in ca.pem\n")
            done = self.pytest("test_it.py", plugin=False, env=env)
            self.assertIn("1 passed", done.stdout, done.stderr)

    def test_wheel_without_binaries(self):
        made = self.python(str(BINDING / "build_backend.py"), str(self.folder), env=environment(LEAT_WHEEL_PROGRAM=None))
        self.assertTrue(made.stdout.strip().endswith("-py3-none-any.whl"), made.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
