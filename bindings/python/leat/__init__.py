# SPDX-License-Identifier: Apache-2.0
"""WebSocket through proxies, by libleat (ctypes): exact errors, blocking and for asyncio.

    with leat.connect("wss://a.test/", proxy="socks5h://127.0.0.1:1080") as ws:
        ws.send("hello")
        print(ws.recv())

    async with leat.aio.connect("wss://a.test/") as ws:
        await ws.send("hello")

What fails raises LeatError with code, layer, errno, native_code, hop and text.
"""
from . import aio
from ._blocking import WebSocket, connect
from ._errors import (ConnectionClosed, DnsError, HttpProxyError, LeatError, LeatTimeout, ParameterError, Socks5Error,
                      TcpError, TlsError, WebSocketError)
from ._library import LibraryNotFound

__all__ = ["ConnectionClosed", "DnsError", "HttpProxyError", "LeatError", "LeatTimeout", "LibraryNotFound", "ParameterError",
           "Socks5Error", "TcpError", "TlsError", "WebSocket", "WebSocketError", "aio", "connect"]
