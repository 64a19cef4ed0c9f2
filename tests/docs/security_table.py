#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""security_table.py SOURCE: the limits that SECURITY.md names are those of the code, and the functions, tests and files are there."""

import pathlib
import re
import sys


def value_of(text):
    """What a macro of one number, in parentheses, cast or shifted, stands for."""
    text = re.sub(r"/\*.*", "", text).replace("(size_t)", "").strip()
    assert re.fullmatch(r"[\d\su()*<>]+", text), text
    return eval(text.replace("u", ""))  # numbers, *, << and parentheses


def main():
    source = pathlib.Path(sys.argv[1])
    page = (source / "SECURITY.md").read_text()
    rows = re.findall(r"^\| (.+) \| (\d+) \| `(\w+)` in (\S+) \|$", page, re.M)
    assert len(rows) > 20, len(rows)
    for what, limit, name, file in rows:
        found = re.search(rf"^#define {name}\s+(.*)$", (source / file).read_text(), re.M)
        assert found, f"{name}: not in {file}"
        assert value_of(found[1]) == int(limit), f"{what}: {limit} in SECURITY.md, {found[1]} in {file}"

    headers = "".join(path.read_text() for path in (source / "include/leat").glob("*.h"))
    for function in re.findall(r"`(leat_\w+)\(\)`", page):
        assert re.search(rf"\b{function}\(", headers), f"{function}(): in no header"
    builds = "".join(path.read_text() for path in source.glob("tests/**/CMakeLists.txt"))
    for test in ("tls_crypto_secrets", "setters"):
        assert re.search(rf"\b{test}\b", builds) and test in page, f"{test}: no such test"
    for file in re.findall(r"`((?:tests|script|src|docs)/[\w./]+|util/[\w.]+)", page) + re.findall(r"\]\(([\w./]+)\)", page):
        assert (source / file).exists() or (source / "src" / file).exists(), f"{file}: not there"
    print(f"{len(rows)} limits are as SECURITY.md says")


if __name__ == "__main__":
    main()
