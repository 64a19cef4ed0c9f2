#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The programs of docs/TEST-YOUR-CLIENT.md run as they stand there.

usage: five_minutes.py SOURCES TOOL COMPILER LIBRARIES     as first_hour.py
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SOURCES, TOOL, LIBRARIES = (os.path.abspath(sys.argv[index]) for index in (1, 2, 4))
COMPILER = sys.argv[3]
TIMEOUT = 20 * int(os.environ.get("LEAT_TEST_PATIENCE", "10"))


def block(page, language):
    found, = re.findall(rf"^```{language}\n(.*?)^```$", page, re.S | re.M)
    return found


def run(*command, **environment):
    result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
                            env={**os.environ, **environment})
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def run_program(program, name, folder, control):
    """A block in another language, with a program that is there on most systems."""
    if not shutil.which(program):
        print(f"left out: {name} of docs/TEST-YOUR-CLIENT.md: there is no {program}")
        return
    run(program, str(folder / name), CONTROL=control)


def main():
    page = pathlib.Path(SOURCES, "docs", "TEST-YOUR-CLIENT.md").read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "leat").symlink_to(TOOL)
        for file, language in (("five.py", "python"), ("five.js", "js"), ("Five.java", "java"), ("five.c", "c")):
            (folder / file).write_text(block(page, language))

        shell = block(page, "sh") + "kill $!\n"
        output = run("/bin/bash", "-c", "set -e\n" + shell, PATH=f"{folder}/bin:{os.environ['PATH']}", LC_ALL="C")
        for part in ("exit status 5", '{"met":true,"count":1}', '"conditions":"both:latency=40"', '"step":"greeting"'):
            assert part in output, (part, output)

        output = run("/bin/bash", "-c", f"cd {folder}\n" + block(page, "bash"), PATH=f"{folder}/bin:{os.environ['PATH']}", LC_ALL="C")
        lines = output.splitlines()
        assert lines[:2] == ["hello"] * 2 and re.match(r"exit status [1-9]", lines[2]), output
        assert re.search(r'^leat serve replay: line \d+: the client\'s frame differs from byte 1 on: "other', output, re.M), output

        control = subprocess.Popen([TOOL, "serve", "control", "--port", "0", "--until-eof"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            url = control.stdout.readline().strip()
            run_program(sys.executable, "five.py", folder, url)
            run_program("node", "five.js", folder, url)
            run_program("java", "Five.java", folder, url)
        finally:
            control.stdin.close()
            control.wait(TIMEOUT)
        run(COMPILER, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{SOURCES}/include", str(folder / "five.c"), f"-L{LIBRARIES}",
            f"-Wl,-rpath,{LIBRARIES}", "-lleat-testing", "-o", str(folder / "five"))
        run(str(folder / "five"))


main()
