#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The binary interface of a shared library, for script/abi and tests/install/abi.py.

abi.py dump LIBRARY INCLUDE OUTPUT      writes it as abixml: the functions, and what the headers below INCLUDE show of types
abi.py compare REFERENCE NEW INCLUDE    both are abixml: whether programs built against the first run with the second; what is added
                                        is allowed, and the growth of a struct that begins with its `size`

LIBRARY was built by gcc with debug information. Needs abidw and abidiff (abigail-tools)."""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

OPTIONS = ["--exported-interfaces-only", "--drop-private-types", "--drop-undefined-syms", "--no-corpus-path", "--no-comp-dir-path",
           "--no-show-locs", "--no-parameter-names", "--no-elf-needed", "--no-architecture", "--type-id-style", "hash"]
SIZED = re.compile(r"^struct (\w+) \{\s*(?:/\*(?:(?!\*/).)*\*/\s*)?size_t size;", re.S | re.M)


def headers_text(include):
    return "\n".join(header.read_text() for header in sorted(include.rglob("*.h")))


def hide(root, shown):
    """Structs that no header shows lose their members: abidw takes for shown what lies in a file of the name of a public header."""
    for decl in root.iter("class-decl"):
        if decl.get("name").startswith("leat") and decl.get("name") not in shown:
            for child in list(decl):
                decl.remove(child)
            decl.attrib.pop("size-in-bits", None)
            decl.set("is-declaration-only", "yes")


def prune(root):
    """Takes out the types that nothing refers to any more."""
    gone = True
    while gone:
        used = {element.get(key) for element in root.iter() for key in ("type-id", "naming-typedef-id") if element.get(key)}
        gone = False
        for unit in root.iter("abi-instr"):
            for child in [child for child in unit if child.get("id") and child.get("id") not in used]:
                unit.remove(child)
                gone = True


def dump(library, include, output):
    with tempfile.TemporaryDirectory() as folder:
        raw = pathlib.Path(folder, "raw.abi")
        subprocess.run(["abidw", "--headers-dir", include, *OPTIONS, "--out-file", raw, library], check=True)
        tree = ElementTree.parse(raw)
    root = tree.getroot()
    if root.find("elf-function-symbols") is None or not len(root.findall("abi-instr")):
        sys.exit(f"{library}: no functions, or no debug information")
    hide(root, set(re.findall(r"^struct (\w+) \{", headers_text(include), re.M)))
    prune(root)
    for unit in root.findall("abi-instr"):
        unit.set("path", re.sub(r".*/src/", "src/", unit.get("path")))
        if len(unit) == 0:
            root.remove(unit)
    ElementTree.indent(tree, " ")
    tree.write(output, encoding="unicode")
    with output.open("a") as file:
        file.write("\n")


def compare(reference, new, include):
    """-> what has changed for programs, "" if nothing has"""
    with tempfile.NamedTemporaryFile("w", suffix=".suppr") as allowed:
        names = "|".join(SIZED.findall(headers_text(include)))
        allowed.write(f"[suppress_type]\n  type_kind = struct\n  name_regexp = ^({names})$\n  has_data_member_inserted_at = end\n"
                      "  has_size_change = yes\n")  # libabigail from 2.3 on asks for it
        allowed.flush()
        done = subprocess.run(["abidiff", "--no-added-syms", "--suppressions", allowed.name, reference, new],
                              capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def main():
    command, *paths = sys.argv[1:]
    paths = [pathlib.Path(path) for path in paths]
    if command == "dump":
        dump(*paths)
    elif changed := compare(*paths):
        sys.exit(changed)


if __name__ == "__main__":
    main()
