# SPDX-License-Identifier: Apache-2.0
"""WebSockets in asyncio: the descriptor of leat's loop is watched by asyncio's."""
import asyncio
import collections
import ctypes
import warnings
import weakref

from ._errors import SOCKET_BASE, ConnectionClosed
from ._library import (CLOSED, CLOSED_BY, MESSAGE, OPENED, PONG, Callbacks, Config, Error, check, encode, exception_of,
                       library, message_of, payload_of)

#: Messages that are kept for recv(); the peer is held back beyond them.
KEPT_MESSAGES = 64


class connect:  # noqa: N801: it is called as a function
    """`ws = await connect(url, ...)` or `async with connect(url, ...) as ws`; the options are those of leat.connect()."""

    def __init__(self, url, **options):
        self._url, self._options, self._ws = url, options, None

    def __await__(self):
        return self._open().__await__()

    async def _open(self):
        self._ws = WebSocket()
        await self._ws._connect(self._url, self._options)
        return self._ws

    async def __aenter__(self):
        return await self._open()

    async def __aexit__(self, kind, *_):
        if kind is None:
            await self._ws.close()
        else:
            self._ws._release()


def _dispatch_weakly(ref):
    """The loop of asyncio must not keep what its program has forgotten."""
    ws = ref()
    if ws is not None:
        ws._dispatch()


class WebSocket:
    """An open connection, of one loop of asyncio."""

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._leat_loop, self._ws = ctypes.c_void_p(), ctypes.c_void_p()
        self._messages = collections.deque()
        self._opened = self._loop.create_future()
        self._ended = self._loop.create_future()
        self._ended.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_paused = self._is_dispatching = self._is_released = self._is_closing = False
        self.subprotocol = ""
        self._callbacks = Callbacks(size=ctypes.sizeof(Callbacks), opened=OPENED(self._on_opened),
                                    message=MESSAGE(self._on_message), pong=PONG(), writable=OPENED(self._on_writable),
                                    closed=CLOSED(self._on_closed))

    # ---- what libleat calls, inside of _dispatch()

    def _on_opened(self, ws, _user):
        self.subprotocol = library().leat_websocket_get_subprotocol(ws).decode("ascii")
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_message(self, ws, kind, data, length, _user):
        if self._is_closing:
            return
        self._messages.append(message_of(kind, data, length))
        self._news.set()
        if len(self._messages) >= KEPT_MESSAGES:
            self._is_paused = True
            library().leat_websocket_pause(ws)

    def _on_writable(self, _ws, _user):
        self._writable.set()

    def _on_closed(self, _ws, event, _user):
        event = event.contents
        reason = ctypes.string_at(event.reason, event.reason_len).decode("utf-8", "replace")
        if event.error.code:
            failure = exception_of(event.error.code, event.error)
        else:
            by = CLOSED_BY.get(event.closed_by, "nobody")
            failure = ConnectionClosed(SOCKET_BASE + 9, "websocket", 9, event.close_code, 0, "",
                                       f"closed by {by} with {event.close_code} {reason}".rstrip(), event.close_code, reason, by)
        self._end(failure)

    def _end(self, failure):
        if not self._opened.done():
            self._opened.set_exception(failure)
        if not self._ended.done():
            self._ended.set_exception(failure)
        self._news.set()
        self._writable.set()

    # ---- the loop

    def _dispatch(self):
        if self._is_dispatching or self._is_released:
            return
        self._is_dispatching = True
        try:
            code = library().leat_loop_dispatch(self._leat_loop, 0)
        finally:
            self._is_dispatching = False
        if code:
            self._end(exception_of(code))
        if self._ended.done():
            self._release()

    def _release(self):
        if self._is_released:
            return
        self._is_released = True
        if self._leat_loop:
            if not self._loop.is_closed():
                self._loop.remove_reader(library().leat_loop_get_fd(self._leat_loop))
            library().leat_websocket_free(self._ws)
            library().leat_loop_free(self._leat_loop)
        if not self._ended.done():
            self._end(ConnectionClosed(SOCKET_BASE + 9, "none", 9, 0, 0, "", "the object has been closed"))

    def __del__(self):
        if not getattr(self, "_is_released", True):
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self)
            self._release()

    async def _connect(self, url, options):
        lib = library()
        try:
            check(lib.leat_loop_new(ctypes.byref(self._leat_loop)))
            self._loop.add_reader(lib.leat_loop_get_fd(self._leat_loop), _dispatch_weakly, weakref.ref(self))
            check(lib.leat_websocket_new(self._leat_loop, ctypes.byref(self._callbacks), None, ctypes.byref(self._ws)))
            with Config(**options) as config:
                code = lib.leat_websocket_connect(self._ws, encode(url), config)
            if code:
                error = Error()
                lib.leat_websocket_get_error(self._ws, ctypes.byref(error))
                raise exception_of(code, error)
            await self._opened
        except BaseException:
            self._opened.cancel()
            self._release()
            raise

    # ---- what programs call

    async def send(self, message):
        """Queues a str as text, bytes as binary; waits while the queue is full."""
        kind, data = payload_of(message)
        while True:
            if self._ended.done():
                raise self._ended.exception()
            code = library().leat_websocket_send(self._ws, kind, data, len(data))
            if not code:
                return
            if not library().leat_is_queue_full(code):
                raise exception_of(code)
            self._writable.clear()
            await self._writable.wait()

    async def recv(self):
        """The next message: str or bytes; ConnectionClosed, or what broke the connection, at its end."""
        while not self._messages:
            if self._ended.done():
                raise self._ended.exception()
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        if self._is_paused and not self._is_released and len(self._messages) < KEPT_MESSAGES // 2:
            self._is_paused = False
            library().leat_websocket_resume(self._ws)
        return message

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def close(self, code=1000, reason=""):
        """Does the close handshake; what broke the connection before is raised. May be called again."""
        if not self._ended.done():
            check(library().leat_websocket_close(self._ws, code, encode(reason)))
            self._is_closing = True
            if self._is_paused:  # the peer's Close is behind what nobody reads any more
                self._is_paused = False
                library().leat_websocket_resume(self._ws)
            await asyncio.wait([self._ended])
        failure = self._ended.exception()
        if not isinstance(failure, ConnectionClosed):
            raise failure
