# SPDX-License-Identifier: Apache-2.0
"""How long tests wait for what must come, before they give up: never so short that a busy machine fails them."""
import os
import subprocess
import time


def patience(quiet_seconds):
    """From what it takes at most on a quiet machine. The scale is in cmake/LeatHelpers.cmake, and comes by ctest."""
    return quiet_seconds * int(os.environ.get("LEAT_TEST_PATIENCE", "10"))


def at_least(quiet_seconds):
    """A time by which others have had their turn, as an argument of the tool: what a quiet machine needs or, on one that is
    busy now, a hundred times what it takes to run a process that does nothing."""
    start = time.monotonic()
    subprocess.run(["/bin/true"], check=True)
    return f"{max(quiet_seconds, 100 * (time.monotonic() - start)):.3f}"
