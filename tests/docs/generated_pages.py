#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""generated_pages.py LEAT SOURCE: the manual pages and shell completions in the tree are those that the tool's tables
give today, and groff has nothing to say about them."""

import pathlib
import subprocess
import sys
import tempfile


def lint(page):
    done = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", str(page)], capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stdout or done.stderr:
        sys.exit(f"{page}: status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    tool, source = sys.argv[1], pathlib.Path(sys.argv[2])
    kept = {"man": source / "docs" / "man", "completion": source / "tools" / "leat" / "completion"}
    stale, pages = [], 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([source / "tools/leat/pages/generate.py", tool, folder], check=True)
        for kind, place in kept.items():
            made = {path.name: path.read_text() for path in pathlib.Path(folder, kind).iterdir()}
            there = {path.name: path.read_text() for path in place.iterdir()}
            stale += [place / name for name in sorted(made.keys() | there.keys()) if made.get(name) != there.get(name)]
    for page in kept["man"].glob("*.1"):
        lint(page)
        pages += 1
    if stale:
        sys.exit("not what the tool says today, run script/generate:\n" + "\n".join(map(str, stale)))
    if pages < 4:
        sys.exit(f"only {pages} pages")
    with tempfile.NamedTemporaryFile("w", suffix=".1") as wrong:
        wrong.write('.TH WRONG 1\n.SH NAME\n.nosuchmacro\n')
        wrong.flush()
        try:
            lint(wrong.name)
        except SystemExit:
            return
    sys.exit("an unknown macro goes unnoticed")


main()
