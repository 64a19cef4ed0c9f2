#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles the C program of README.md as it is printed there, and runs it with addresses of servers that work and that do not.

usage: readme_program.py README TOOL COMPILER FLAG...     TOOL is `leat`, which makes the servers
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

README, TOOL, COMPILER, *FLAGS = sys.argv[1:]
PROXY = "socks5h://user:secret@127.0.0.1:1080"
URL = "wss://echo.example/chat"


@contextlib.contextmanager
def served(*arguments):
    """The URL of a `leat serve`, and a list that has the steps of its connections when it has ended."""
    steps = []
    process = subprocess.Popen([TOOL, "serve", *arguments, "--json", "--until-eof"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        yield process.stdout.readline().strip(), steps
        _, log = process.communicate("")
        steps += [json.loads(line)["step"] for line in log.splitlines()]


def run(program, folder, proxy, url):
    """Exit status, output and errors of the program with these addresses instead of its own."""
    source = pathlib.Path(folder, "program.c")
    assert PROXY in program and URL in program
    source.write_text(program.replace(PROXY, proxy).replace(URL, url))
    subprocess.run([COMPILER, "-std=c11", "-Wall", "-Wextra", "-Werror", source, *FLAGS, "-o", source.with_suffix("")],
                   check=True)
    done = subprocess.run([source.with_suffix("")], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def expect_failure(what, done, code, text):
    assert done[:2] == (1, ""), f"{what}: {done}"
    assert re.fullmatch(rf"{code} [A-Z].*\. .*{text}.*\n", done[2]), f"{what}: {done}"


def main():
    program, = re.findall(r"^```c\n(.*?)^```$", pathlib.Path(README).read_text(), re.S | re.M)
    with tempfile.TemporaryDirectory() as folder:
        with served("socks5", "--user", "user:secret") as (proxy, _):
            proxy = proxy.replace("//", "//user:secret@") if "@" not in proxy else proxy
            with served("echo") as (url, steps):
                done = run(program, folder, proxy, url)
            assert done == (0, "hello\n", ""), done
            assert "close" in steps, f"it did not close: {steps}"
            with served("echo", "--fault", "message=close") as (url, _):
                expect_failure("no answer", run(program, folder, proxy, url), 200, "lost without a Close frame")
            with served("echo", "--fault", "message=reset") as (url, _):
                expect_failure("a reset", run(program, folder, proxy, url), 2301104, "reset")
            with served("echo", "--fault", "upgrade=refuse 403") as (url, _):
                expect_failure("refused", run(program, folder, proxy, url), 200, "403")
        with served("echo") as (url, _):
            expect_failure("no proxy URL", run(program, folder, "gopher://127.0.0.1", url), 401, "proxy URL")


main()
