#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TLS client for the tests that says all it has to say, and TLS's goodbye, in one segment, then reads on:
goodbye_client.py PORT CA 1.2|1.3 websocket|bytes

websocket: upgrades, then a text, Close and close_notify. bytes: "ping" and close_notify.
Prints "ANSWER" and the hexadecimal digits of what has come by the time the other side has ended."""
import socket
import ssl
import sys

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
REQUEST = (b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n")
# Masked with zeros.
TEXT_AND_CLOSE = b"\x81\x84\0\0\0\0last" + b"\x88\x82\0\0\0\0\x03\xe8"


class Wire:
    def __init__(self, port, ca, version):
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.tcp = socket.create_connection(("127.0.0.1", port))
        self.run(self.tls.do_handshake)

    def flush(self):
        self.tcp.sendall(self.outgoing.read())

    def run(self, step, *arguments):
        """Does the step's I/O until it is done."""
        while True:
            try:
                result = step(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
            data = self.tcp.recv(65536)
            if not data:
                raise EOFError
            self.incoming.write(data)


def main(port, ca, version, kind):
    wire = Wire(int(port), ca, version)
    if kind == "websocket":
        wire.run(wire.tls.write, REQUEST)
        head = b""
        while b"\r\n\r\n" not in head:
            head += wire.run(wire.tls.read, 4096)
    wire.tls.write(TEXT_AND_CLOSE if kind == "websocket" else b"ping")
    try:
        wire.tls.unwrap()
    except ssl.SSLWantReadError:
        pass
    wire.flush()
    answer = b""
    try:
        while data := wire.run(wire.tls.read, 4096):
            answer += data
    except (ssl.SSLError, EOFError, OSError):
        pass
    print("ANSWER", answer.hex(), flush=True)


main(*sys.argv[1:])
