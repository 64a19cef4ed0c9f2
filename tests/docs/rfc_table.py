#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rfc_table.py SOURCE: the tests that docs/RFC1928.md names are there, each in its file, and each row names one."""

import pathlib
import re
import sys


def main():
    source = pathlib.Path(sys.argv[1])
    tests = "".join(path.read_text() for path in source.glob("tests/**/test_*.c"))
    builds = "".join(path.read_text() for path in source.glob("tests/**/CMakeLists.txt"))
    rows = [line.split("|") for line in (source / "docs/RFC1928.md").read_text().splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 15, len(rows)
    for row in rows:
        shown_by = row[4]
        names = re.findall(r"`(\w+)`", shown_by)
        assert names or "the same" in shown_by, row
        for name in names:
            is_test = re.search(rf"^Test\(\w+, {name}\b", tests, re.M)
            # A ctest is named in a CMakeLists.txt, its folder's prefix perhaps apart from it.
            is_ctest = name in builds or any(f"{name[: at + 1]}${{" in builds and re.search(rf"\b{name[at + 1 :]}\b", builds)
                                             for at in range(len(name)) if name[at] == "_")
            assert is_test or is_ctest, f"{name}: no such test"
    print(f"{len(rows)} rows, whose tests are there")


if __name__ == "__main__":
    main()
