#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A WebSocket server for the tests, on python3-websockets. Prints "PORT n" once it listens.

What it does depends on the path of the request:
  /echo                     sends every message back
  /headers                  sends the request's headers as one text message, a line each
  /close?code=C&reason=R    closes at once
  /ping?payload=P           sends a Ping, and "pong" as text when it is answered
  /flood?count=N&size=M     sends N binary messages of M bytes
  /mute                     takes no message; the library still answers a Close and Pings
  /status?code=C            answers the request with this HTTP status
After the first message of /headers, /ping and /flood it goes on as /echo.
"""
import argparse
import asyncio
import errno
import http
import socket
import ssl
from urllib.parse import parse_qs, urlsplit

# The same in all versions; `websockets.serve` became another function in 14.
from websockets.legacy.server import serve as listen


def query(path):
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


async def refuse(path, headers):
    if urlsplit(path).path == "/status":
        return http.HTTPStatus(int(query(path)["code"])), [("X-Reason", "the test wants it")], b"no\n"
    return None


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def serve(connection):
    options = query(connection.path)
    action = urlsplit(connection.path).path
    if action == "/close":
        await connection.close(int(options["code"]), options.get("reason", ""))
        return
    if action == "/mute":
        await asyncio.get_running_loop().create_future()
    if action == "/headers":
        await connection.send("".join(f"{name}: {value}\n" for name, value in connection.request_headers.raw_items()))
    elif action == "/ping":
        await (await connection.ping(options["payload"].encode()))
        await connection.send("pong")
    elif action == "/flood":
        for _ in range(int(options["count"])):
            await connection.send(bytes(int(options["size"])))
    await echo(connection)


def tls_context(options):
    if not options.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.load_verify_locations(options.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def listening_sockets(host):
    """On `host`, or else on both addresses of localhost: many a proxy tries only the first that a name has."""
    if host:
        return [socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)]
    while True:
        ipv4 = socket.create_server(("127.0.0.1", 0))
        try:
            return [ipv4, socket.create_server(("::1", ipv4.getsockname()[1]), family=socket.AF_INET6)]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return [ipv4]  # no IPv6 here
            ipv4.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--subprotocol", action="append")
    options = parser.parse_args()
    sockets = listening_sockets(options.host)
    for listening in sockets:
        # What is accepted inherits it. asyncio sets it only where the protocol number was given.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    servers = [
        await listen(
            serve, sock=listening, ssl=tls_context(options), subprotocols=options.subprotocol,
            process_request=refuse, max_size=None, ping_interval=None, close_timeout=60,
        )
        for listening in sockets
    ]
    print("PORT", servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
