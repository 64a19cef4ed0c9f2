#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A wss client for the tests, on python3-websockets: wss_client.py URL CA [CERT KEY]

Says "hello", prints "ECHO" and what comes back, closes. Prints "REFUSED" and why if it cannot."""
import asyncio
import ssl
import sys

import websockets


async def main(url, ca, *own):
    context = ssl.create_default_context(cafile=ca)
    if own:
        context.load_cert_chain(*own)
    try:
        async with websockets.connect(url, ssl=context, server_hostname="localhost") as socket:
            await socket.send("hello")
            print("ECHO", await socket.recv(), flush=True)
    except (OSError, websockets.WebSocketException) as error:
        print("REFUSED", error, flush=True)


asyncio.run(main(*sys.argv[1:]))
