# SPDX-License-Identifier: Apache-2.0
"""What a failure is: one class for each layer, with the numbers of struct leat_error."""
import errno

SOCKET_BASE = 2301000
PARAMETER = 401


class LeatError(OSError):
    """`code` (HarmonyOS), `layer`, `errno`, `native_code` (REP, HTTP status, close code, ...), `violation`, `hop`, `text`."""

    def __init__(self, code, layer, sys_errno, native_code, violation, hop, text):
        super().__init__(sys_errno, text)
        self.code, self.layer, self.native_code = code, layer, native_code
        self.violation, self.hop, self.text = violation, hop, text

    def __str__(self):
        return f"{self.code} ({self.layer}): {self.text}"

    def __reduce__(self):
        return type(self), (self.code, self.layer, self.errno, self.native_code, self.violation, self.hop, self.text)


class ParameterError(LeatError, ValueError):
    """An argument is wrong."""


class DnsError(LeatError):
    """A name was not resolved."""


class TcpError(LeatError):
    """A connection could not be made, or broke."""


class Socks5Error(LeatError):
    """A SOCKS proxy has refused, or is none."""


class HttpProxyError(LeatError):
    """An HTTP proxy has refused, or is none."""


class TlsError(LeatError):
    """TLS could not be had, or broke."""


class WebSocketError(LeatError):
    """The upgrade was refused, or the other end broke the protocol."""


class LeatTimeout(LeatError, TimeoutError):
    """Time was over. `layer` says who was waited for."""


class ConnectionClosed(LeatError):
    """The connection was closed in order: `close_code`, `reason`, `closed_by` ("local", "remote" or "nobody")."""

    def __init__(self, code, layer, sys_errno, native_code, violation, hop, text, close_code=0, reason="", closed_by="nobody"):
        super().__init__(code, layer, sys_errno, native_code, violation, hop, text)
        self.close_code, self.reason, self.closed_by = close_code, reason, closed_by


_LAYERS = {"dns": DnsError, "tcp": TcpError, "socks5": Socks5Error, "http-proxy": HttpProxyError, "tls": TlsError,
           "websocket": WebSocketError}


def error_of(code, layer, sys_errno, native_code, violation, hop, text):
    """The error of the right class."""
    arguments = code, layer, sys_errno, native_code, violation, hop, text
    if code == PARAMETER:
        return ParameterError(*arguments)
    if sys_errno == errno.ETIMEDOUT or code == SOCKET_BASE + errno.ETIMEDOUT:
        return LeatTimeout(*arguments)
    return _LAYERS.get(layer, LeatError)(*arguments)
