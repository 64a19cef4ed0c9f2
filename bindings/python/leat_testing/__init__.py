# SPDX-License-Identifier: Apache-2.0
"""Proxies, servers and certificates that go wrong as a test says, for clients in any library.

    with leat_testing.Control() as control:
        proxy = control.socks5_proxy(faults="reply=refuse 5")
        ...  # the client under test uses proxy.url
        proxy.assert_steps("greeting", "request", "reply")  # or the log of what happened

It is the program `leat serve control`, which is found inside of the wheel, by $LEAT, or in $PATH.
"""
from ._control import CA, Certificate, Control, LeatTestingError, Server
from ._program import ProgramNotFound, find_program

__all__ = ["CA", "Certificate", "Control", "LeatTestingError", "ProgramNotFound", "Server", "find_program"]
__version__ = "1.0.0"
