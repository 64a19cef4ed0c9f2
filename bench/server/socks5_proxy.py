#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A SOCKS5 proxy (RFC 1928, RFC 1929) that reads no further than the message it waits for, so that clients need not
wait for its answers. For counting round trips; too slow for anything else.

usage: socks5_proxy.py USER PASSWORD
Prints its port. Ends with its input.
"""
import asyncio
import socket
import sys

PIECE_BYTES = 65536


async def forward(reader, writer):
    while data := await reader.read(PIECE_BYTES):
        writer.write(data)
        await writer.drain()
    writer.close()


async def read_target(reader):
    """Host and port of a CONNECT request."""
    _, command, _, kind = await reader.readexactly(4)
    if command != 1:
        raise ValueError("not CONNECT")
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6,
                                await reader.readexactly(4 if kind == 1 else 16))
    return host, int.from_bytes(await reader.readexactly(2), "big")


async def serve(reader, writer, user, password):
    methods = (await reader.readexactly(2))[1]
    await reader.readexactly(methods)
    writer.write(b"\x05\x02")
    given = []
    await reader.readexactly(1)
    for _ in ("user", "password"):
        given.append((await reader.readexactly((await reader.readexactly(1))[0])).decode())
    writer.write(b"\x01\x00" if given == [user, password] else b"\x01\x01")
    if given != [user, password]:
        return
    upper_reader, upper_writer = await asyncio.open_connection(*await read_target(reader))
    upper_writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writer.write(b"\x05\x00\x00\x01" + bytes(6))
    await asyncio.gather(forward(reader, upper_writer), forward(upper_reader, writer))


async def accepted(reader, writer):
    try:
        await serve(reader, writer, *sys.argv[1:3])
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
