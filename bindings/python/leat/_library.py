# SPDX-License-Identifier: Apache-2.0
"""libleat: its functions and structs that this package uses (leat/error.h, config.h, loop.h, websocket.h, blocking.h)."""
import ctypes
import ctypes.util
import functools
import os
import pathlib

from ._errors import error_of

MAJOR = 1
TEXT, BINARY = 1, 2
CLOSED_BY = {0: "nobody", 1: "local", 2: "remote"}


class LibraryNotFound(ImportError):
    """There is no libleat."""


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("layer", ctypes.c_int), ("sys_errno", ctypes.c_int), ("native_code", ctypes.c_int),
                ("violation", ctypes.c_uint16), ("hop", ctypes.c_char * 272), ("text", ctypes.c_char * 1024)]


class CloseEvent(ctypes.Structure):
    _fields_ = [("error", Error), ("closed_by", ctypes.c_int), ("close_code", ctypes.c_uint16), ("reason", ctypes.c_void_p),
                ("reason_len", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("data", ctypes.c_void_p), ("len", ctypes.c_size_t)]


OPENED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
MESSAGE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
PONG = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
CLOSED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(CloseEvent), ctypes.c_void_p)


class Callbacks(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("opened", OPENED), ("message", MESSAGE), ("pong", PONG), ("writable", OPENED),
                ("closed", CLOSED), ("message_part", ctypes.c_void_p)]


_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_PP = ctypes.POINTER(_P)
_FUNCTIONS = {
    "leat_strerror": (_S, _I),
    "leat_layer_name": (_S, _I),
    "leat_is_queue_full": (ctypes.c_bool, _I),
    "leat_config_new": (_I, _PP),
    "leat_config_free": (None, _P),
    "leat_config_set_proxy": (_I, _P, _S),
    "leat_config_set_ca_path": (_I, _P, _S),
    "leat_config_set_proxy_tls_ca_path": (_I, _P, _S),
    "leat_config_set_skip_server_cert_verification": (_I, _P, ctypes.c_bool),
    "leat_config_set_connect_timeout": (_I, _P, ctypes.c_uint32),
    "leat_config_set_max_message_bytes": (_I, _P, ctypes.c_size_t),
    "leat_config_add_header": (_I, _P, _S, _S),
    "leat_config_add_subprotocol": (_I, _P, _S),
    "leat_loop_new": (_I, _PP),
    "leat_loop_free": (None, _P),
    "leat_loop_get_fd": (_I, _P),
    "leat_loop_dispatch": (_I, _P, _I),
    "leat_websocket_new": (_I, _P, ctypes.POINTER(Callbacks), _P, _PP),
    "leat_websocket_free": (None, _P),
    "leat_websocket_connect": (_I, _P, _S, _P),
    "leat_websocket_send": (_I, _P, _I, _S, ctypes.c_size_t),
    "leat_websocket_close": (_I, _P, ctypes.c_uint16, _S),
    "leat_websocket_pause": (None, _P),
    "leat_websocket_resume": (None, _P),
    "leat_websocket_get_subprotocol": (_S, _P),
    "leat_websocket_get_error": (None, _P, ctypes.POINTER(Error)),
    "leat_blocking_websocket_connect": (_I, _S, _P, _PP, ctypes.POINTER(Error)),
    "leat_blocking_websocket_send": (_I, _P, _I, _S, ctypes.c_size_t, _I, ctypes.POINTER(Error)),
    "leat_blocking_websocket_recv": (_I, _P, ctypes.POINTER(Message), _I, ctypes.POINTER(Error)),
    "leat_blocking_websocket_close": (_I, _P, ctypes.c_uint16, _S, ctypes.POINTER(Error)),
    "leat_blocking_websocket_get_close_event": (ctypes.POINTER(CloseEvent), _P),
    "leat_blocking_websocket_get_websocket": (_P, _P),
    "leat_blocking_websocket_free": (None, _P),
}


def _is_loadable(name):
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _load_beside(library_path):
    """What the library of the wheel needs lies beside it: whatever is loaded already is not looked for any more."""
    waiting = [path for path in sorted(library_path.parent.iterdir()) if path != library_path]
    while waiting:
        left = []
        for path in waiting:
            if not (_is_loadable(path.name) or _is_loadable(str(path))):  # the system's first: Python has its libcrypto
                left.append(path)
        if len(left) == len(waiting):
            return
        waiting = left


def _candidates():
    chosen = os.environ.get("LEAT_LIBRARY")
    if chosen:
        return [chosen]
    bundled = pathlib.Path(__file__).parent.parent / "leat_testing" / "lib" / f"libleat.so.{MAJOR}"
    if bundled.is_file():
        _load_beside(bundled)
    found = ctypes.util.find_library("leat")
    return [str(bundled)] * bundled.is_file() + [f"libleat.so.{MAJOR}"] + [found] * bool(found)


@functools.lru_cache(maxsize=None)
def library():
    """libleat, loaded once: $LEAT_LIBRARY, the one inside of the wheel, or the system's."""
    reasons = []
    for path in _candidates():
        try:
            loaded = ctypes.CDLL(path)
        except OSError as error:
            reasons.append(str(error))
            continue
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
        return loaded
    raise LibraryNotFound("; ".join(reasons) + ": install libleat (Debian: libleat1), or set $LEAT_LIBRARY to its path")


def exception_of(code, error=None):
    """The exception of a code, with the detail where there is one."""
    text = lambda data: data.decode("utf-8", "replace")  # noqa: E731
    if error is None or error.code == 0:
        return error_of(code, "none", 0, 0, 0, "", text(library().leat_strerror(code)))
    return error_of(error.code, text(library().leat_layer_name(error.layer)), error.sys_errno, error.native_code,
                    error.violation, text(error.hop), text(error.text))


def check(code):
    """Raises what a code says, unless it is 0."""
    if code:
        raise exception_of(code)


def encode(text):
    """A text for C, which ends at a NUL."""
    data = os.fsencode(text) if isinstance(text, os.PathLike) else text.encode("utf-8")
    if b"\0" in data:
        raise ValueError("a NUL is in the text")
    return data


class Config:
    """leat_config of keyword arguments; freed at the end of `with`."""

    def __init__(self, *, proxy=None, ca=None, proxy_ca=None, insecure=False, timeout=None, headers=None, subprotocols=(),
                 max_message_bytes=None):
        self.handle = ctypes.c_void_p()
        lib = library()
        check(lib.leat_config_new(ctypes.byref(self.handle)))
        try:
            for name, value in (("set_proxy", proxy), ("set_ca_path", ca), ("set_proxy_tls_ca_path", proxy_ca)):
                if value is not None:
                    check(getattr(lib, f"leat_config_{name}")(self.handle, encode(value)))
            if insecure:
                check(lib.leat_config_set_skip_server_cert_verification(self.handle, True))
            if timeout is not None:
                check(lib.leat_config_set_connect_timeout(self.handle, max(1, int(timeout * 1000))))
            if max_message_bytes is not None:
                check(lib.leat_config_set_max_message_bytes(self.handle, max_message_bytes))
            for name, value in dict(headers or {}).items():
                check(lib.leat_config_add_header(self.handle, encode(name), encode(value)))
            for protocol in subprotocols:
                check(lib.leat_config_add_subprotocol(self.handle, encode(protocol)))
        except BaseException:
            self.free()
            raise

    def free(self):
        library().leat_config_free(self.handle)
        self.handle = ctypes.c_void_p()

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        self.free()


def payload_of(message):
    """The type and bytes of what is sent."""
    if isinstance(message, str):
        return TEXT, message.encode("utf-8")
    return BINARY, bytes(message)


def message_of(kind, data, length):
    """What has come, as str or bytes."""
    taken = ctypes.string_at(data, length)
    return taken.decode("utf-8") if kind == TEXT else taken
