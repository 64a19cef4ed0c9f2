#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""echo.py LEAT: the tool's servers and its client, wherever this is run: plain, with TLS, through proxies, by a name."""
import functools
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
import check_peers
from patience import patience

LEAT = None

# What this process has open, the programs have open.
check_peers.subprocess.Popen = functools.partial(subprocess.Popen, close_fds=False)


class Places(unittest.TestCase):
    def serve(self, *arguments):
        server = check_peers.Serve(LEAT, *arguments)
        self.addCleanup(server.close)
        return server

    def check(self, *arguments):
        result = subprocess.run([LEAT, "check", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=patience(20))
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_plain_by_address_and_by_name(self):
        server = self.serve("echo")
        self.check(server.url)
        # localhost is ::1, too, where nobody listens, or where there is no such family.
        self.check(server.url.replace("127.0.0.1", "localhost"))

    def test_tls_through_each_kind_of_proxy(self):
        server = self.serve("echo", "--tls")
        for kind in ("socks5", "connect"):
            proxy = self.serve(kind)
            self.check(server.url, "--ca", server.ca, "--proxy", proxy.url)

    def test_messages(self):
        server = self.serve("echo")
        lines = "".join(f"{'x' * (i * 37)}{i}\n" for i in range(100))
        result = subprocess.run([LEAT, "ws", server.url], input=lines, capture_output=True, text=True, timeout=patience(20))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, lines)


if __name__ == "__main__":
    LEAT = sys.argv.pop(1)
    unittest.main()
