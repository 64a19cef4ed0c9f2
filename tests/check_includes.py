#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include below src, include, tools, examples and bench against the table of docs/ARCHITECTURE.md.

usage: check_includes.py [ROOT]     prints one line for each include that the table does not allow
"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
TABLE = "docs/ARCHITECTURE.md"

ALWAYS = {"util": set(), "core": {"util"}}  # all other folders: util and core
FOREIGN = {  # the name in the table -> its headers
    "c-ares": r"ares(_.*)?\.h",
    "uriparser": r"uriparser/.*",
    "libidn2": r"idn2\.h",
    "libpsl": r"libpsl\.h",
    "mbedTLS": r"(mbedtls|psa)/.*|(ssl_(misc|tls13_keys)|x509_internal)\.h",
    "wslay": r"wslay/.*",
    "zlib": r"zlib\.h",
    "OpenSSL": r"openssl/.*",
}
NOT_FOR = {"tls": r"leat/websocket.*"}  # folder -> public headers that it does without
PROGRAMS = ("tools", "examples", "bench")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


class Folder:
    """One row: src/NAME."""

    def __init__(self, may_include, included_by, foreign):
        self.may_include = set(re.findall(r"`([^`]+)`", may_include))
        self.everything = may_include.startswith("everything")
        self.everybody = included_by.startswith("everybody")
        self.included_by = set(re.findall(r"[\w/]+", re.sub(r"\([^)]*\)", "", included_by)))
        self.foreign = {name.strip() for name in foreign.split(",")} - {"none", ""}


def read_table():
    folders = {}
    for line in (ROOT / TABLE).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and (match := re.fullmatch(r"`src/([\w/]+)`", cells[0])):
            folders[match[1]] = Folder(*cells[2:])
    return folders


def folder_of(folders, path):
    """The innermost folder of the table that PATH, given below src, lies in, or None."""
    return next((str(top) for top in Path(path).parents if str(top) in folders), None)


def table_allows(folders, user, header):
    """May src/USER include "FOLDER/NAME" of another folder? Both rows must say so."""
    used = folder_of(folders, header)
    if used is None:
        return False
    if used in ALWAYS.get(user, {"util", "core"}):
        return True
    row = folders[user]
    by_user = row.everything or used in row.may_include or header in row.may_include
    by_used = folders[used].everybody or user in folders[used].included_by
    return by_user and by_used


def folder_problem(folders, user, quote, header):
    """What is wrong with one include in src/USER, or None."""
    if quote == '"':
        if header.endswith("_alt.h") and "/" not in header:
            return None  # a type that replaces one of mbedTLS
        if not (ROOT / "src" / header).exists():
            return "is not a path below src"
        if folder_of(folders, header) != user and not table_allows(folders, user, header):
            return f"is not allowed in src/{user}"
        return None
    if header.startswith("leat/"):
        without = user == "util" or (user in NOT_FOR and re.fullmatch(NOT_FOR[user], header))
        return f"is a public header, which {user} does without" if without else None
    for library, pattern in FOREIGN.items():
        if re.fullmatch(pattern, header) and library not in folders[user].foreign:
            return f"belongs to {library}, which src/{user} must not know"
    return None


def program_problem(quote, header, path):
    if quote == '"':
        return None if (path.parent / header).exists() else "is not public"
    return None


def public_problem(quote, header, path):
    if quote == '"' and "leat" in path.parts[-2:-1]:
        return "must be included as <leat/...>"
    if quote == '"' and not (path.parent / header).exists():
        return "is not public"
    if any(re.fullmatch(pattern, header) for pattern in FOREIGN.values()):
        return "is a foreign library's: programs must not need it"
    return None


def sources(*tops):
    for top in tops:
        yield from sorted(p for p in (ROOT / top).rglob("*") if p.suffix in (".c", ".h", ".def"))


def problems(folders):
    for path in sources("src", "include", *PROGRAMS):
        name = path.relative_to(ROOT)
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            quote, header = match.groups()
            if name.parts[0] == "include":
                problem = public_problem(quote, header, path)
            elif name.parts[0] in PROGRAMS:
                problem = program_problem(quote, header, path)
            elif folder := folder_of(folders, name.relative_to("src")):
                problem = folder_problem(folders, folder, quote, header)
            else:
                problem = f"is in src/{name.parts[1]}, which the table of {TABLE} does not know"
            if problem:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {header} {problem}"


def main():
    folders = read_table()
    if len(folders) < 5:
        sys.exit(f"{TABLE}: the table of folders was not found")
    found = list(problems(folders))
    print("\n".join(found) if found else "every include is as the table says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
