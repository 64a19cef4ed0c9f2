#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""found.py pack FOLDER FILE | unpack FILE FOLDER: what tests/fuzz/found keeps of a fuzz target's inputs.

A file has one input a line, in hexadecimal digits, the shortest ones first; lines that begin with # are comments. In a folder each
is a file with the name that libFuzzer gives it.
"""
import hashlib
import sys
from pathlib import Path

HEAD = "# What script/fuzz --keep has found: an input a line.\n"


def pack(folder, file):
    inputs = sorted((path.read_bytes() for path in folder.iterdir()), key=lambda data: (len(data), data))
    # An empty line is no input: the empty one is what libFuzzer begins with.
    lines = [data.hex() + "\n" for data in inputs if data]
    if lines:
        file.write_text(HEAD + "".join(lines))
    else:
        file.unlink(missing_ok=True)


def unpack(file, folder):
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        if line and not line.startswith("#"):
            data = bytes.fromhex(line)
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        sys.exit(__doc__)
    {"pack": pack, "unpack": unpack}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
