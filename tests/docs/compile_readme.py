#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles and links the C program of README.md as it is printed there."""

import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    readme, compiler, *flags = sys.argv[1:]
    blocks = re.findall(r"^```c\n(.*?)^```$", pathlib.Path(readme).read_text(), re.S | re.M)
    if not blocks:
        sys.exit("README.md has no C program")
    with tempfile.TemporaryDirectory() as folder:
        for number, block in enumerate(blocks):
            source = pathlib.Path(folder, f"block{number}.c")
            source.write_text(block)
            lines = block.count("\n")
            print(f"program {number}: {lines} lines")
            command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", str(source), *flags,
                       "-o", str(source.with_suffix(""))]
            subprocess.run(command, check=True)


main()
