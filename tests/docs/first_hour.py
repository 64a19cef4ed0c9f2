#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the pages of the first hour (docs/START-*.md) begin with runs as it stands there, and their programs, too.

usage: first_hour.py SOURCES TOOL COMPILER LIBRARIES     TOOL is `leat`, LIBRARIES the folder of the built libraries
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCES, TOOL, LIBRARIES = (os.path.abspath(sys.argv[index]) for index in (1, 2, 4))
COMPILER = sys.argv[3]
TIMEOUT = 5 * int(os.environ.get("LEAT_TEST_PATIENCE", "10"))
LINES = 60  # a screen
PKG_CONFIG = """#!/bin/sh
echo "-I{sources}/include -L{libraries} -Wl,-rpath,{libraries} "
"""


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.S | re.M)


def run_shell(script, folder):
    """The lines of a block, in the folder of the sources; a program called leat and a pkg-config are found first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    environment["PATH"] = f"{folder}/bin:{environment['PATH']}"
    script = script.replace("examples/", f"{SOURCES}/examples/")
    result = subprocess.run(["/bin/bash", "-c", script], cwd=folder, env=environment,
                            capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    return result.stdout + result.stderr


def compile_program(program, folder, *libraries):
    source = pathlib.Path(folder, "program.c")
    source.write_text(program)
    subprocess.run([COMPILER, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{SOURCES}/include", source, f"-L{LIBRARIES}",
                    f"-Wl,-rpath,{LIBRARIES}", *libraries, "-o", source.with_suffix("")], check=True)
    return source.with_suffix("")


def expect(text, *parts):
    for part in parts:
        assert part in text, f"{part!r} is not in:\n{text}"


def main():
    pages = {name: pathlib.Path(SOURCES, "docs", f"START-{name}.md").read_text() for name in ("PROXY", "PORTING", "TESTING")}
    for name, page in pages.items():
        assert page.count("\n") <= LINES, f"START-{name}.md is longer than a screen"
        for link in re.findall(r"\]\(([^)]+)\)", page):
            assert pathlib.Path(SOURCES, "docs", link).exists(), link
        for example in re.findall(r"`(examples/[a-z_./]+)`", page):
            assert pathlib.Path(SOURCES, example).exists(), example
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/bin")
        os.symlink(TOOL, f"{folder}/bin/leat")
        stub = pathlib.Path(folder, "bin", "pkg-config")
        stub.write_text(PKG_CONFIG.format(sources=SOURCES, libraries=LIBRARIES))
        stub.chmod(0o755)

        shell, = blocks(pages["PROXY"], "sh")
        program, = blocks(pages["PROXY"], "c")
        compile_program(program, folder, "-lleat")
        with_program = shell.replace("kill $P $S", "PROXY=$PROXY URL=$URL CA=$CA ./program\nkill $P $S")
        expect(run_shell(with_program, folder), "one text message there and back", "\nhello\n", "2301207", "--proxy-user",
               "exit status 5", "\nopen\n")

        shell, = blocks(pages["PORTING"], "sh")
        expect(run_shell(shell, folder), "2301115  LEAT_E_SOCKET_EINPROGRESS", "HarmonyOS", "abnormal_closure")
        assert pathlib.Path(folder, "ohos_ndk").exists()

        shell, = blocks(pages["TESTING"], "sh")
        expect(run_shell(shell, folder), "2301208", "exit status 5", "\none\n", "The open connection was lost", "exit status 9")
        program, = blocks(pages["TESTING"], "c")
        subprocess.run([compile_program(program, folder, "-lleat-testing", "-lleat")], check=True, timeout=TIMEOUT)


main()
