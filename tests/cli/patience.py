# SPDX-License-Identifier: Apache-2.0
"""How long tests wait for what must come, before they give up: never so short that a busy machine fails them."""
import os


def patience(quiet_seconds):
    """From what it takes at most on a quiet machine. The scale is in cmake/LeatHelpers.cmake, and comes by ctest."""
    return quiet_seconds * int(os.environ.get("LEAT_TEST_PATIENCE", "10"))
