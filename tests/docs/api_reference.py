#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""api_reference.py DOXYGEN DOXYFILE SOURCE: makes the API reference in a folder of its own. Doxygen must have nothing to
complain about, every header must have its place, and every public function its text; and a function without a text must
be noticed."""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree


def run_doxygen(doxygen, doxyfile, folder, more=""):
    """-> (exit status, output)"""
    # The last assignment counts; += adds.
    text = pathlib.Path(doxyfile).read_text()
    text += f'\nOUTPUT_DIRECTORY = "{folder}"\nGENERATE_TAGFILE = "{folder}/leat.tag"\n{more}'
    done = subprocess.run([doxygen, "-"], input=text, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def public_functions(header):
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    text = re.sub(r"^ *#.*(\\\n.*)*$", "", text, flags=re.M)
    exported = re.findall(r"^LEAT_API\b[^;{]*?\b(leat_\w+)\(", text, flags=re.M)
    return exported + re.findall(r"\b(OH_\w+)\(", text)


def main():
    doxygen, doxyfile, source = sys.argv[1:]
    include = pathlib.Path(source, "include")
    headers = sorted(include.rglob("*.h"))
    functions = {name for header in headers for name in public_functions(header)}
    assert len(functions) > 250, len(functions)

    with tempfile.TemporaryDirectory() as folder:
        status, output = run_doxygen(doxygen, doxyfile, folder)
        if status != 0 or output:
            sys.exit(f"Doxygen complains, status {status}:\n{output}")
        groups = {}
        for group in ElementTree.parse(f"{folder}/leat.tag").findall("compound[@kind='group']"):
            groups[group.findtext("name")] = group
        for header in headers:
            title = groups[f"header_{header.stem}"].findtext("title")
            if not title.startswith(f"{header.relative_to(include)}: "):
                sys.exit(f"{header} has no place in docs/api/main.dox: its title is {title!r}")
        documented = {member.findtext("name") for group in groups.values()
                      for member in group.findall("member[@kind='function']")}
        if functions != documented:
            sys.exit(f"only in headers or only in the reference: {sorted(functions ^ documented)}")
        if not pathlib.Path(folder, "html", "index.html").is_file():
            sys.exit("no index.html")

    with tempfile.TemporaryDirectory() as folder:
        silent = pathlib.Path(folder, "silent.h")
        silent.write_text("/* */\n/**\n * @file\n * Text.\n */\nLEAT_API void leat_silent(void);\n#endif\n")
        status, output = run_doxygen(doxygen, doxyfile, folder, f'INPUT += "{silent}"\n')
        if status == 0 or "leat_silent" not in output:
            sys.exit(f"a function without a text goes unnoticed: status {status}\n{output}")
    print(f"{len(functions)} functions of {len(headers)} headers")


main()
