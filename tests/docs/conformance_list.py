#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""conformance_list.py LEAT SOURCE [--write]: the list of cases in docs/CONFORMANCE.md is what `--list` tells today; --write makes it so."""
import json
import pathlib
import subprocess
import sys

MARK = "<!-- Below: script/generate. -->\n"
LISTS = {
    "WebSocket servers": ("check", "--conformance", "ws://x/"),
    "WebSocket clients": ("serve", "conformance"),
    "SOCKS5 proxies": ("check", "--conformance", "socks5://x"),
    "SOCKS5 clients": ("serve", "conformance", "--socks5"),
    "CONNECT proxies": ("check", "--conformance", "http://x"),
    "CONNECT clients": ("serve", "conformance", "--connect"),
}


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\x16\x03\x01", "")


def rows_make(tool):
    for heading, arguments in LISTS.items():
        made = subprocess.run([tool, *arguments, "--list", "--json"], capture_output=True, text=True, check=True)
        cases = json.loads(made.stdout)["cases"]
        yield f"\n### {heading}: {len(cases)}\n"
        section = None
        for case in cases:
            if case["section"] != section:
                section = case["section"]
                yield f"\n{section}\n\n| case | what is done | expected |\n|---|---|---|\n"
            yield f"| `{case['id']}` | {cell(case['title'])} | {cell(case['expected'])} |\n"


def main():
    page = pathlib.Path(sys.argv[2], "docs", "CONFORMANCE.md")
    kept = page.read_text()
    made = kept.split(MARK)[0] + MARK + "".join(rows_make(sys.argv[1]))
    if sys.argv[3:] == ["--write"]:
        page.write_text(made)
    elif made != kept:
        sys.exit(f"{page} is not what the tool lists: run script/generate")


main()
