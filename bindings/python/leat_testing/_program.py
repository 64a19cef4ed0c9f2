# SPDX-License-Identifier: Apache-2.0
"""Where the program `leat` is."""
import os
import pathlib
import shutil


class ProgramNotFound(FileNotFoundError):
    """There is no program `leat`."""


def find_program():
    """$LEAT, or the program inside of the wheel, or the one in $PATH."""
    chosen = os.environ.get("LEAT")
    if chosen:
        if os.access(chosen, os.X_OK) and os.path.isfile(chosen):
            return chosen
        raise ProgramNotFound(f"$LEAT is {chosen}, which is no program")
    bundled = pathlib.Path(__file__).parent / "bin" / "leat"
    if bundled.is_file():
        return str(bundled)  # see environment_of()
    found = shutil.which("leat")
    if found:
        return found
    raise ProgramNotFound("there is no program leat: install it (Debian: the package leat), or set $LEAT to its path")


def environment_of(program):
    """The environment to run it in: the program of the wheel has its libraries beside it."""
    libraries = pathlib.Path(program).parent.parent / "lib"
    if pathlib.Path(__file__).parent not in libraries.parents or not libraries.is_dir():
        return None
    others = os.environ.get("LD_LIBRARY_PATH")
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join([str(libraries)] + [others] * bool(others))}
