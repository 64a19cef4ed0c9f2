#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy for the tests that asks for Negotiate (RFC 4559), on python3-gssapi, and says who it is with the open tunnel, as
squid's CONNECT does not. Prints "PORT n" once it listens.

--proof says how: `field` in Proxy-Authenticate, `info` in Proxy-Authentication-Info, `stale` with the token of the connection
before, which proves nothing, and `none`.
"""
import argparse
import base64
import socket
import threading

import gssapi

CHUNK = 20000


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)
        if not piece:
            raise EOFError
        head += piece
    return head.decode()


def token_of(head):
    for line in head.split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "proxy-authorization" and value.startswith("Negotiate "):
            return base64.b64decode(value[len("Negotiate "):])
    return None


def pump(source, target):
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy:
    def __init__(self, proof):
        self.proof, self.last = proof, b"none yet"

    def field(self, token):
        """The line of the answer that has the proof."""
        if self.proof == "stale":
            token, self.last = self.last, token
        names = {"field": "Proxy-Authenticate", "stale": "Proxy-Authenticate", "info": "Proxy-Authentication-Info"}
        if self.proof not in names:
            return ""
        return f"{names[self.proof]}: Negotiate {base64.b64encode(token).decode()}\r\n"

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = read_head(connection)
        while not (token := token_of(head)):
            connection.sendall(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n")
            head = read_head(connection)
        context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept")
        answer = context.step(token)
        host, _, port = head.split(" ")[1].rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            connection.sendall(f"HTTP/1.1 200 OK\r\n{self.field(answer)}\r\n".encode())
            up = threading.Thread(target=pump, args=(connection, upstream), daemon=True)
            up.start()
            pump(upstream, connection)
            up.join()

    def serve_quietly(self, connection):
        with connection:
            try:
                self.serve(connection)
            except (OSError, EOFError):
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proof", choices=["field", "info", "stale", "none"], default="field")
    proxy = Proxy(parser.parse_args().proof)
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"PORT {listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=proxy.serve_quietly, args=(connection,), daemon=True).start()


main()
