# SPDX-License-Identifier: Apache-2.0
"""A WebSocket whose calls wait."""
import ctypes

from ._errors import SOCKET_BASE, ConnectionClosed
from ._library import CLOSED_BY, Config, Error, Message, check, encode, exception_of, library, message_of, payload_of

_EBADF = SOCKET_BASE + 9


def _milliseconds(timeout):
    return -1 if timeout is None else max(0, int(timeout * 1000))


def connect(url, **options):
    """Connects and waits until the connection is open.

    proxy: "socks5h://user:pass@host:1080", "http://host:3128", several separated by the configuration's rules; ca: PEM file
    or directory; proxy_ca: that of an https proxy; insecure; timeout in seconds; headers: a dict; subprotocols: names;
    max_message_bytes. Raises LeatError.
    """
    with Config(**options) as config:
        handle, error = ctypes.c_void_p(), Error()
        code = library().leat_blocking_websocket_connect(encode(url), config, ctypes.byref(handle), ctypes.byref(error))
    if code:
        raise exception_of(code, error)
    return WebSocket(handle)


class WebSocket:
    """An open connection. Not for several threads at once."""

    def __init__(self, handle):
        self._handle = handle

    def _open_handle(self):
        if not self._handle:
            raise ConnectionClosed(_EBADF, "none", 9, 0, 0, "", "the object has been closed")
        return self._handle

    def _fail(self, code, error):
        failure = exception_of(code, error)
        event = library().leat_blocking_websocket_get_close_event(self._handle)
        if code == _EBADF and event:
            event = event.contents
            reason = ctypes.string_at(event.reason, event.reason_len).decode("utf-8", "replace")
            raise ConnectionClosed(code, failure.layer, failure.errno, failure.native_code, failure.violation, failure.hop,
                                   failure.text, event.close_code, reason, CLOSED_BY.get(event.closed_by, "nobody"))
        raise failure

    @property
    def subprotocol(self):
        """The one that the server chose, "" if none."""
        ws = library().leat_blocking_websocket_get_websocket(self._open_handle())
        return library().leat_websocket_get_subprotocol(ws).decode("ascii")

    def send(self, message, timeout=None):
        """Sends a str as text, bytes as binary."""
        kind, data = payload_of(message)
        error = Error()
        code = library().leat_blocking_websocket_send(self._open_handle(), kind, data, len(data), _milliseconds(timeout),
                                                      ctypes.byref(error))
        if code:
            self._fail(code, error)

    def recv(self, timeout=None):
        """The next message: str or bytes. LeatTimeout or TlsError leave the connection usable; ConnectionClosed at its end."""
        message, error = Message(), Error()
        code = library().leat_blocking_websocket_recv(self._open_handle(), ctypes.byref(message), _milliseconds(timeout),
                                                      ctypes.byref(error))
        if code:
            self._fail(code, error)
        return message_of(message.type, message.data, message.len)

    def __iter__(self):
        while True:
            try:
                yield self.recv()
            except ConnectionClosed:
                return

    def close(self, code=1000, reason=""):
        """Does the close handshake and frees. May be called again."""
        if not self._handle:
            return
        error = Error()
        try:
            result = library().leat_blocking_websocket_close(self._handle, code, encode(reason), ctypes.byref(error))
        finally:
            if "result" not in locals() or result != 401:
                library().leat_blocking_websocket_free(self._handle)
                self._handle = None
        if result and result != _EBADF:
            raise exception_of(result, error)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.__del__()

    def __del__(self):
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            library().leat_blocking_websocket_free(handle)
