#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""abi.py SOURCE LIBRARIES: programs built against the last release (the folder abi) run with what was built now, and what would
break them is noticed. Exit status 77: left out, and why."""

import copy
import pathlib
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
source, libraries = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(source / "script" / "lib"))
import abi  # noqa: E402

INCLUDE = source / "include"


def of_name(root, tag, name):
    return next(element for element in root.iter(tag) if element.get("name") == name)


def parent_of(root, child):
    return next(element for element in root.iter() if child in list(element))


def without_function(root):
    for tag in ("elf-symbol", "function-decl"):
        gone = of_name(root, tag, "leat_version")
        parent_of(root, gone).remove(gone)


def other_parameter(root):
    places = of_name(root, "function-decl", "leat_strerror").findall("parameter")
    places[0].set("type-id", of_name(root, "function-decl", "leat_version").find("return").get("type-id"))


def one_parameter_more(root):
    function = of_name(root, "function-decl", "leat_strerror")
    function.insert(1, copy.deepcopy(function.find("parameter")))


def other_number(root):
    of_name(root, "enumerator", "LEAT_LAYER_TCP").set("value", "77")


def member_in_front(root):
    members = of_name(root, "class-decl", "leat_message").findall("data-member")
    for member in members:
        member.set("layout-offset-in-bits", str(int(member.get("layout-offset-in-bits")) + 64))
    struct = of_name(root, "class-decl", "leat_message")
    struct.set("size-in-bits", str(int(struct.get("size-in-bits")) + 64))
    first = copy.deepcopy(members[0])
    first.set("layout-offset-in-bits", "0")
    first.find("var-decl").set("name", "stranger")
    struct.insert(0, first)


def grown(root, name):
    struct = of_name(root, "class-decl", name)
    last = copy.deepcopy(struct.findall("data-member")[-1])
    last.set("layout-offset-in-bits", struct.get("size-in-bits"))
    last.find("var-decl").set("name", "stranger")
    struct.append(last)
    struct.set("size-in-bits", str(int(struct.get("size-in-bits")) + 64))


def grown_callbacks(root):
    grown(root, "leat_websocket_callbacks")


def grown_message(root):
    grown(root, "leat_message")


def main():
    if not shutil.which("abidiff"):
        print("left out: the binary interface: there is no abidiff (abigail-tools)")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        new = pathlib.Path(folder, "new.abi")
        for reference in sorted(source.joinpath("abi").glob("*.abi")):
            abi.dump(libraries / f"{reference.stem}.so", INCLUDE, new)
            if changed := abi.compare(reference, new, INCLUDE):
                sys.exit(f"{reference.stem}: not what the last release had, see CONTRIBUTING.md:\n{changed}")

        abi.dump(libraries / "libleat.so", INCLUDE, new)
        for change, is_noticed in ((without_function, True), (other_parameter, True), (one_parameter_more, True),
                                   (other_number, True), (member_in_front, True), (grown_message, True),
                                   (grown_callbacks, False)):
            tree = ElementTree.parse(new)
            change(tree.getroot())
            changed = pathlib.Path(folder, "changed.abi")
            tree.write(changed, encoding="unicode")
            if bool(abi.compare(new, changed, INCLUDE)) != is_noticed:
                sys.exit(f"{change.__name__} {'goes unnoticed' if is_noticed else 'is refused'}")
            # The other way round, what has gone is what has come.
            if change is without_function and (said := abi.compare(changed, new, INCLUDE)):
                sys.exit(f"a new function is refused: {said}")


main()
