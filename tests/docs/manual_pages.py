#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""manual_pages.py SOURCE VERSION: makes the manual pages of section 3. Every public function must have one that says all that its
comment says, every header one that names its functions, and neither groff nor mandoc must have anything to say about them."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FUNCTION = re.compile(r"(/\*\*(?:(?!\*/).)*\*/)\s*(?:LEAT_API\b[^;{}()]*?\b(leat_\w+)|[\w *]*?\b(OH_\w+))\(", re.S)


def complaints(pages):
    """What groff and mandoc say; without the date that a page made from a header has not."""
    said = []
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-ww", "-Wbreak", "-z", "-Tutf8", "-Kutf8", *pages], capture_output=True, text=True, check=False)
        said += (done.stdout + done.stderr).splitlines()
    else:
        print("left out: the manual pages by groff, which is not there")
    if shutil.which("mandoc"):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, check=False)
        said += [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]
    else:
        print("left out: the manual pages by mandoc, which is not there")
    return said


def words(text):
    return re.findall(r"\w+", text)


def shown(page):
    """A page as its reader sees it."""
    program = ["mandoc", "-T", "utf8", "-O", "width=1000"] if shutil.which("mandoc") else \
        ["groff", "-man", "-Tutf8", "-Kutf8", "-P-c", "-rLL=2000n"]
    text = subprocess.run([*program, page], capture_output=True, text=True, check=False).stdout
    return re.sub(".\x08|\x1b\\[[\\d;]*m", "", text)


def said_by(comment):
    """The words of a comment, without its markup."""
    text = re.sub(r"@thread any", "Any thread may call it", comment)
    text = re.sub(r"@(param|return|thread)\b", "", text)
    return words(re.sub(r"(?m)^\s*\*|^/\*\*|\*/$", "", text))


def main():
    source, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    headers = sorted(source.joinpath("include").rglob("*.h"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([source / "docs/api/man.py", source / "include", version, folder], check=True)
        pages = sorted(pathlib.Path(folder).iterdir())
        if said := complaints(pages):
            sys.exit("\n".join(said))
        functions = 0
        for header in headers:
            text = re.sub(r"(?m)^#.*", "", header.read_text())
            for comment, leat, ndk in FUNCTION.findall(text):
                functions += 1
                page = pathlib.Path(folder, f"{leat or ndk}.3")
                if not page.is_file():
                    sys.exit(f"{header}: {leat or ndk} has no page")
                there = set(words(shown(page)))
                if lost := [word for word in said_by(comment) if word not in there and word not in ("any",)]:
                    sys.exit(f"{page.name}: lost of the comment: {' '.join(lost)}")
            name = "leat" if header.name == "leat.h" else f"leat_{header.stem}" if header.parent.name == "leat" else header.stem
            overview = shown(pathlib.Path(folder, f"{name}.3"))
            if missing := [leat or ndk for _, leat, ndk in FUNCTION.findall(text) if f"{leat or ndk}(3)" not in overview]:
                sys.exit(f"{name}.3 does not name {missing}")
        if functions + len(headers) != len(pages) or functions < 250:
            sys.exit(f"{functions} functions, {len(headers)} headers, but {len(pages)} pages")
        wrong = pathlib.Path(folder, "wrong.3")
        wrong.write_text(".TH WRONG 3\n.SH NAME\nwrong \\- wrong\n.nosuchmacro\n")
        if not complaints([wrong]):
            sys.exit("an unknown macro goes unnoticed")
    print(f"{functions} functions, {len(headers)} headers")


main()
