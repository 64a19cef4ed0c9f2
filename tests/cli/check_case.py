# SPDX-License-Identifier: Apache-2.0
"""What the tests of `leat check` share: running it, its peers, and what every report must have."""
import json
import subprocess
import sys
import tempfile
import unittest

import check_peers as peers
import peer
from patience import patience

PROGRAM = None

certificates = None


def set_up_module():
    """For the name setUpModule of a test module."""
    global certificates
    directory = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(directory.cleanup)
    certificates = peers.Certificates(directory.name)


def run(*arguments, **variables):
    """Runs `leat check` into pipes, in the C locale unless the variables say otherwise."""
    result = subprocess.run(
        [PROGRAM, "check", *arguments], capture_output=True, env=peer.environment(**variables), timeout=patience(20))
    result.out = result.stdout.decode("utf-8")
    return result


def explain(code, language):
    result = subprocess.run([PROGRAM, "explain", "--json", "--lang", language, str(code)], capture_output=True,
                            check=True, timeout=patience(10))
    return next(row for row in json.loads(result.stdout) if row.get("name", "").startswith("LEAT_E_"))


class Case(unittest.TestCase):
    maxDiff = None

    def start(self, peer):
        self.addCleanup(peer.close)
        return peer

    def serve(self, *arguments):
        return self.start(peers.Serve(PROGRAM, *arguments))

    def wss(self, *arguments, certificate="server.pem"):
        return self.serve("echo", "--cert", certificates.path(certificate), "--key", certificates.path("server.key"),
                          *arguments)

    def trusted(self, *arguments, **variables):
        return run("--ca", certificates.path("ca.pem"), *arguments, **variables)

    def well(self, *arguments, **variables):
        result = self.trusted(*arguments, **variables)
        self.assertEqual((result.returncode, result.stderr), (0, b""), result.out)
        return result.out

    def report(self, *arguments, status=0):
        result = self.trusted("--json", *arguments)
        self.assertEqual((result.returncode, result.stderr), (status, b""), result.out)
        self.assertEqual(result.out.count("\n"), 1, "one object on one line")
        return json.loads(result.out)

    def names(self, phases):
        return [phase["name"] for phase in phases]

    # ---- failures: the mark, the code, and what to do

    def assert_failure(self, arguments, phase, code, status, not_reached=(), text=""):
        report = self.report(*arguments, status=status)
        self.assertIs(report["ok"], False)
        self.assertEqual((report["failed_phase"], report["error"]["code"]), (phase, code), report["error"])
        self.assertIn(text, report["error"]["text"])
        (failed,) = [row for row in report["phases"] if not row["ok"]]
        self.assertEqual((failed["name"], failed["code"]), (phase, code))
        # Causes and remedies are those of what has happened (mistakes.py), the rest is the catalogue's.
        self.assertEqual(report["description"], explain(code, "en")["description"])
        self.assertTrue(report["causes"] and report["remedies"])

        for language, mark in (("en", "failed"), ("zh", "失败")):
            result = self.trusted("--lang", language, *arguments)
            self.assertEqual((result.returncode, result.stderr), (status, b""))
            known = explain(code, language)
            said = json.loads(self.trusted("--json", "--lang", language, *arguments).out)
            rows = result.out.split("\n")
            (marked,) = [row for row in rows if row.startswith("x ") and "|" in row]
            self.assertIn(f"{mark} {code}", marked)
            (head,) = [row for row in rows if f": {code} {said['heading']}" in row]
            self.assertTrue(head.startswith("failed at " if language == "en" else "失败于 "), head)
            self.assertIn(known["description"], result.out)
            for line in said["causes"] + said["remedies"]:
                self.assertIn(f"- {line}\n", result.out)
            unreached = [row for row in rows if row.startswith("- ")]
            self.assertEqual(len(unreached), len(not_reached))
            if language == "en":
                self.assertTrue(marked.startswith(f"x {phase} "), marked)
                self.assertEqual([row.split()[1] for row in unreached], list(not_reached))
        return report


def main():
    """Runs the tests of the program, whose command line begins with the path of the tool."""
    global PROGRAM
    PROGRAM = sys.argv.pop(1)
    unittest.main()
