#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of container/: there is no docker here, so the root of its image is made as the Dockerfile makes it, and entered by chroot.

usage: container.py PROGRAM     PROGRAM is leat-control
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "container"
PROGRAM = os.path.abspath(sys.argv[1])
TIMEOUT_S = 120
SIZE_MAX = 12 << 20


class ContainerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_dockerfile(self):
        text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
        run = re.search(r"^RUN (.*)$", text, re.M)[1]
        for program in re.findall(r"(?:^|&& )((?:script|container)/\w+)", run):
            self.assertTrue(os.access(ROOT / program, os.X_OK), program)
        preset = re.search(r"--preset (\w+)", run)[1]
        self.assertIn(f'"name": "{preset}"', (ROOT / "CMakePresets.json").read_text())
        options = (ROOT / "CMakeLists.txt").read_text() + (ROOT / "cmake" / "LeatDependencies.cmake").read_text()
        for option in re.findall(r"-D(\w+)=", run):
            self.assertIn(option, options)
        self.assertIn(re.search(r"--target (\w+)", run)[1], (FOLDER / "CMakeLists.txt").read_text())
        root = self.image()
        self.assertIn("\nFROM scratch\n", text)
        for name in re.findall(r'\["/([\w-]+)"', text):
            self.assertTrue(os.access(root / name, os.X_OK), name)

    def image(self):
        """The root of the image."""
        root = self.folder / "root"
        if not root.exists():
            done = subprocess.run([FOLDER / "collect", PROGRAM, root], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        return root

    def test_one_small_static_program(self):
        root = self.image()
        files = [file for file in root.rglob("*") if file.is_file()]
        self.assertEqual(files, [root / "leat-control"])
        size = files[0].stat().st_size
        print(f"the container's program: {size} bytes")
        self.assertLess(size, SIZE_MAX)
        headers = subprocess.run(["readelf", "-lW", files[0]], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("INTERP", headers)
        self.assertEqual(subprocess.run(["readelf", "-d", files[0]], capture_output=True, text=True, check=True).stdout.count("NEEDED"), 0)

    def start(self, **environment):
        """It in its root, or, for who is not root, in ours."""
        root = self.image()
        (root / "tmp").chmod(0o1777)
        words = ["/leat-control"] if os.geteuid() == 0 else [str(root / "leat-control")]
        if os.geteuid() == 0:
            words = ["chroot", "--userspec=65534:65534", str(root), *words]
        else:
            print("left out: the container by chroot: who tests is not root")
        env = {"PATH": os.environ["PATH"], "LEAT_HOST": "127.0.0.1", "LEAT_PORT": "0", **environment}
        server = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def clean_up():
            if server.poll() is None:
                server.kill()
            server.communicate()
        self.addCleanup(clean_up)
        return server, words, env

    def ask(self, url, token=None, body=None):
        request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(),
                                         {"Authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read())

    def test_runs_and_tells_its_health(self):
        server, words, env = self.start(LEAT_TOKEN="s3cret")
        url = server.stdout.readline().strip()
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+$")
        env["LEAT_PORT"] = url.rsplit(":", 1)[1]

        def health():
            return subprocess.run([*words, "--health"], env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(health().returncode, 0)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.ask(url + "/servers")
        self.assertEqual(caught.exception.code, 401)
        caught.exception.close()
        made = self.ask(url + "/servers", "s3cret", {"name": "w", "kind": "echo", "tls": True, "deflate": True})
        self.assertRegex(made["url"], r"^wss://localhost:\d+/$")
        if shutil.which("curl"):  # TLS by what is inside
            ca = self.folder / "ca.pem"
            ca.write_text(self.ask(url + "/ca", "s3cret")["certificate"])
            done = subprocess.run(["curl", "-sS", "--cacert", ca, "-o", "/dev/null", "-w", "%{http_code}",
                                   made["url"].replace("wss:", "https:")], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            self.assertEqual((done.returncode, done.stdout[:1]), (0, "4"), done.stderr)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(TIMEOUT_S), 0)
        self.assertEqual(list((self.image() / "tmp").iterdir()), [])  # its certificates are gone
        dead = health()
        self.assertEqual(dead.returncode, 1)
        self.assertIn("connect: Connection refused", dead.stderr)

    def test_a_token_is_made(self):
        server, _, _ = self.start()
        token = server.stdout.readline().strip()
        self.assertRegex(token, r"^token: [0-9a-f]{32}$")
        url = server.stdout.readline().strip()
        self.assertEqual(self.ask(url + "/servers", token[7:]), {"servers": []})

    def test_a_token_of_a_file(self):
        (self.image() / "token").write_text("of a file\nanother line\n")
        path = "/token" if os.geteuid() == 0 else str(self.image() / "token")
        server, _, _ = self.start(LEAT_TOKEN_FILE=path)
        self.assertEqual(self.ask(server.stdout.readline().strip() + "/servers", "of a file"), {"servers": []})

    def test_what_is_refused(self):
        for environment, says in (({"LEAT_PORT": "70000"}, "LEAT_PORT is '70000', which is no port"),
                                  ({"LEAT_PORT": "-1"}, "which is no port"), ({"LEAT_PORT": "1x"}, "which is no port"),
                                  ({"LEAT_TOKEN_FILE": "/nowhere"}, "cannot read /nowhere: No such file"),
                                  ({"LEAT_TOKEN": "x" * 600}, "LEAT_TOKEN has more than"),
                                  ({"LEAT_HOST": "somewhere", "LEAT_TOKEN": "x"}, "somewhere is not an IPv4 or IPv6 address")):
            with self.subTest(environment=environment):
                server, _, _ = self.start(**environment)
                _, stderr = server.communicate(timeout=TIMEOUT_S)
                self.assertNotEqual(server.returncode, 0)
                self.assertIn(says, stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
