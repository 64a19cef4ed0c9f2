#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the frame of the tool: command lines that are wrong, and the description of all of them.

usage: usage.py PROGRAM     PROGRAM is the tool `leat`
"""
import json
import os
import re
import subprocess
import tempfile
import unittest

import peer
from patience import patience

PROGRAM = peer.program()


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, env=peer.environment(), timeout=patience(10),
                          stdin=subprocess.DEVNULL, **options)


def described():
    return json.loads(run("--describe").stdout)


def leaves(command):
    if not command["commands"]:
        yield command
    for below in command["commands"]:
        yield from leaves(below)


class Usage(unittest.TestCase):
    def wrong(self, *arguments):
        """Is refused as wrong usage; returns the first line of what is said about it."""
        result = run(*arguments)
        self.assertEqual(result.returncode, 2, (arguments, result))
        self.assertEqual(result.stdout, b"")
        first, second, *rest = result.stderr.decode().splitlines()
        self.assertEqual(rest, [])
        self.assertRegex(second, r"^\(leat.* --help shows the usage\)$")
        return first

    def test_nearest_option(self):
        for wrong, right in (("--comrpess", "compress"), ("--compres", "compress"), ("--reconect", "reconnect"),
                             ("--hlep", "help"), ("--head", "header"), ("--tlsmin", "tls-min"),
                             ("--jason", "json"), ("--insecur=1", "insecure")):
            with self.subTest(wrong):
                self.assertEqual(self.wrong("ws", wrong, "ws://h"), f"leat ws: unknown option {wrong.split('=')[0]}; "
                                                                    f"did you mean --{right}?")

    def test_nothing_is_near(self):
        self.assertEqual(self.wrong("ws", "--zzzzzz", "ws://h"), "leat ws: unknown option --zzzzzz")
        self.assertEqual(self.wrong("ws", "-Z", "ws://h"), "leat ws: unknown option -Z")
        self.assertEqual(self.wrong("ws", "--", "ws://h", "--json"), "leat ws: one argument too many: --json")

    def test_nearest_command(self):
        self.assertEqual(self.wrong("chekc"), "leat: unknown command chekc; did you mean check?")
        self.assertEqual(self.wrong("sw"), "leat: unknown command sw; did you mean ws?")
        self.assertEqual(self.wrong("help", "explian"), "leat: unknown command explian; did you mean explain?")
        self.assertEqual(self.wrong("nonsense"), "leat: unknown command nonsense")
        self.assertEqual(self.wrong("--versoin"), "leat: unknown option --versoin; did you mean --version?")

    def test_nearest_word(self):
        self.assertIn("did you mean winsock?", self.wrong("explain", "--table", "winsokc", "1"))
        self.assertEqual(self.wrong("ws", "--tls-min", "1.1", "ws://h"),
                         "leat ws: --tls-min: '1.1' is unknown; did you mean 1.2?")
        self.assertEqual(self.wrong("ws", "--tls-min", "SSLv3", "ws://h"),
                         "leat ws: --tls-min: 'SSLv3' is not one of 1.2|1.3")

    def test_every_mistyped_option_is_found_again(self):
        """One letter missing, doubled, or two exchanged: the option itself is suggested, or is another one. An option that
        several commands have is mistyped in all ways at the first, and in one of them, each in turn, at the others."""
        tried = {}
        for command in leaves(described()["tool"]):
            names = [option["name"] for section in command["sections"] for option in section["options"]]
            self.assertEqual(len(names), len(set(names)), command["path"])
            for name in names:
                if len(name) < 5:
                    continue
                ways = (name[:2] + name[3:], name[:3] + name[2:], name[0] + name[2] + name[1] + name[3:])
                seen = tried[name] = tried.get(name, -1) + 1
                for typed in ways if seen == 0 else ways[seen % 3:seen % 3 + 1]:
                    if typed in names:
                        continue
                    message = self.wrong(*command["path"].split(), f"--{typed}")
                    self.assertRegex(message, "did you mean --", (command["path"], name, typed))

    def test_values(self):
        for arguments, message in (
                (["--timeout", "5x"], "--timeout: '5x' is not a time such as 5, 0.5s, 500ms, 2m or 1h"),
                (["--timeout", "-1"], "--timeout: '-1' is not a time such as 5, 0.5s, 500ms, 2m or 1h"),
                (["--timeout", ""], "--timeout: '' is not a time such as 5, 0.5s, 500ms, 2m or 1h"),
                (["--timeout", "99999999h"], "--timeout: 99999999h is too long"),
                (["--timeout", "9" * 300], f"--timeout: {'9' * 37}... is too long"),
                (["--redirects", "21"], "--redirects: 21 is too large, at most 20 is possible"),
                (["--redirects", "1e3"], "--redirects: '1e3' is not a number"),
                (["--count", "4294967296"], "--count: 4294967296 is too large, at most 4294967295 is possible"),
                (["--header", "no colon"], "--header: not of the form NAME:VALUE"),
                (["-Hno-colon"], "-H: not of the form NAME:VALUE"),
                (["--header"], "--header needs a value: NAME:VALUE"),
                (["-n"], "-n needs a value: N"),
                (["--json=yes"], "--json takes no value"),
                (["--user", "name"], "--user: not of the form USER:PASSWORD"),
                (["-u", "u:" + "p" * 2000], "-u: longer than 762 bytes"),
                (["--ping=0"], "--ping: the time between two pings cannot be 0"),
                (["--close", "1005"], "--close: a program may not send the code 1005"),
                (["--close", "5000"], "--close: 5000 is too large, at most 4999 is possible"),
                (["--close", "1000:" + "x" * 124], "--close: the reason is longer than 123 bytes"),
                (["--max-message", "0"], "--max-message: at least 1 byte"),
                (["--cert", "a.pem"], "--cert and --key go together"),
                (["--proxy-key", "a.key"], "--proxy-cert and --proxy-key go together"),
                (["--tls-min=1.3", "--tls-max=1.2"], "--tls-min is above --tls-max"),
                (["--hex", "--binary"], "--text, --binary and --hex exclude each other"),
                (["--stream", "--json"], "--json prints whole messages, --stream parts of them"),
                (["--stream", "--reconnect"],
                 "half of a --stream cannot go on in another connection, so not with --reconnect"),
                (["--receive-only", "-m", "x"], "--receive-only sends nothing, so not with --message or --file"),
                (["--quiet", "--verbose"], "--quiet and --verbose exclude each other")):
            with self.subTest(arguments):
                url = [] if arguments[-1] in ("--header", "-n") else ["ws://h"]
                self.assertEqual(self.wrong("ws", *url, *arguments), f"leat ws: {message}")

    def test_cipher_suites(self):
        self.assertIn('unknown cipher suite "ROT13". Known: ', self.wrong("ws", "ws://h", "--ciphers", "ROT13"))

    def test_secrets_are_not_repeated(self):
        for proxy in ("socks9://user:hunter2@h", "socks5://user:hunter2@h:port", "socks5h://user:hunter2@"):
            self.assertNotIn("hunter2", self.wrong("ws", "ws://h", "--proxy", proxy))

    def test_arguments(self):
        self.assertEqual(self.wrong("ws"), "leat ws: URL is missing")
        self.assertEqual(self.wrong("ws", "ws://a", "ws://b"), "leat ws: one argument too many: ws://b")
        self.assertIn("http://h", self.wrong("ws", "http://h"))
        self.assertIn("URL", self.wrong("ws", "ws://"))

    def test_what_was_typed_does_not_act_upon_the_terminal(self):
        for arguments in (["ws", "--\x1b[31m"], ["\x1b[31m"], ["ws", "ws://h", "\x1b]0;x\x07"],
                          ["ws", "ws://h", "--timeout", "\x1b[31m"], ["ws", "\x1b[31m"],
                          ["ws", "ws://h", "-f", "\x1b[31m"], ["ws", "ws://h", "--proxy", "\x1b[31m"],
                          ["explain", "--lang", "\x9b31m"], ["ws", "--\u202eson"], ["ws", "ws://h", "-f", "\u2066x"],
                          ["check", "--timeout", "\u061c\u200f\u2028", "ws://h"]):
            result = run(*arguments)
            self.assertEqual(result.returncode, 2)
            self.assertNotRegex(result.stderr.decode(), "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e"
                                                        "\u2066-\u2069]", arguments)

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, message in (
                    (["--file", f"{folder}/none"], "No such file or directory"),
                    (["--file", folder], "is a directory"),
                    (["--cert", "a", "--key", "b", "--key-password", f"{folder}/none"], "cannot read"),
                    (["--proxy-cert", "a", "--proxy-key", "b", "--proxy-key-password", f"{folder}/none"],
                     "--proxy-key-password: cannot read")):
                self.assertIn(message, self.wrong("ws", "ws://127.0.0.1:1", *arguments))
            with open(f"{folder}/not.pem", "w") as file:
                file.write("nonsense\n")
            os.mkfifo(f"{folder}/fifo")  # nobody writes to it: an error, and no wait
            self.assertIn("cannot read", self.wrong("ws", "wss://127.0.0.1:1", "--cert", "a", "--key", "b",
                                                    "--key-password", f"{folder}/fifo"))
            for arguments, code, status in (
                    (["--ca", f"{folder}/fifo"], "2302002", 2),
                    (["--cert", f"{folder}/fifo", "--key", f"{folder}/fifo"], "2302002", 2),
                    (["--ca", f"{folder}/none"], "2302002", 2),
                    (["--ca", f"{folder}/not.pem"], "2303504", 7),
                    (["--cert", f"{folder}/none", "--key", f"{folder}/none"], "2302002", 2)):
                for command in "ws", "check":
                    result = run(command, f"wss://127.0.0.1:{peer.closed_port()}", *arguments)
                    self.assertEqual(result.returncode, status, result)
                    said = result.stdout + result.stderr
                    self.assertIn(code.encode(), said)
                    self.assertIn(folder.encode(), said, "the file is named")

    def test_output_that_cannot_be_written(self):
        """Is said once, with the reason, however much there was to write."""
        for redirection, reason in (">/dev/full", "No space left on device"), (">&-", "Bad file descriptor"):
            for arguments in (["--help"], ["--version"], ["--describe"], ["ws", "--help-all"], ["explain", "200"],
                              ["explain", "--list", "--json"], ["check", f"ws://127.0.0.1:{peer.closed_port()}"],
                              ["check", "--json", f"ws://127.0.0.1:{peer.closed_port()}"]):
                with self.subTest(arguments=arguments, redirection=redirection):
                    result = subprocess.run(["/bin/sh", "-c", f'exec "$0" "$@" {redirection}', PROGRAM, *arguments],
                                            capture_output=True, env=peer.environment(), timeout=patience(10),
                                            stdin=subprocess.DEVNULL)
                    self.assertNotEqual(result.returncode, 0)
                    self.assertRegex(result.stderr.decode(), f"^leat[a-z ]*: cannot write the output: {reason}\n$")

    def test_no_command(self):
        result = run()
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn(b"usage: leat COMMAND", result.stderr)

    def test_version(self):
        self.assertRegex(run("--version").stdout, rb"^leat \d+\.\d+\.\d+\n")
        self.assertEqual(run("-V").stdout, run("--version").stdout)


class Description(unittest.TestCase):
    """What manual pages and completions are made from."""

    def test_it_is_complete(self):
        tool = described()
        self.assertEqual(run("--version").stdout.decode().split()[1], tool["version"])
        self.assertEqual([row["status"] for row in tool["exit_statuses"]], list(range(10)))
        for command in leaves(tool["tool"]):
            with self.subTest(command["path"]):
                self.assertTrue(command["summary"])
                self.assertLessEqual(len(command["summary"]), 66)
                for section in command["sections"]:
                    for option in section["options"]:
                        self.assertRegex(option["name"], r"^[a-z][a-z0-9-]+$")
                        self.assertTrue(option["help"], option)
                        self.assertFalse(option["help"].endswith("."), option)
                        self.assertLessEqual(len(option["help"]), 53, option)
                        if option["argument"]:
                            self.assertIn(option["value"], ("text", "number", "duration", "file", "directory", "url",
                                                            "word", "command"))
                            self.assertEqual(option["value"] == "word", "words" in option, option)

    def test_letters_are_unambiguous(self):
        for command in leaves(described()["tool"]):
            letters = [option["letter"] for section in command["sections"] for option in section["options"]
                       if "letter" in option]
            self.assertEqual(len(letters), len(set(letters)), command["path"])

    def test_every_option_is_in_the_help(self):
        for command in leaves(described()["tool"]):
            text = run(*command["path"].split(), "--help-all").stdout.decode()
            for section in command["sections"][:-1]:
                for option in section["options"]:
                    self.assertRegex(text, rf"--{re.escape(option['name'])}\b", command["path"])


if __name__ == "__main__":
    unittest.main()
