# SPDX-License-Identifier: Apache-2.0
"""Peers for the tests of the tool: the WebSocket server of tests/support, and sockets that misbehave."""
import base64
import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from patience import patience

SERVER = Path(__file__).parent.parent / "support" / "peers" / "ws_server.py"


class Server:
    """ws_server.py on a free port; see there for what it does by path."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(["/usr/bin/python3", SERVER, *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        word, self.port = self.process.stdout.readline().split()
        assert word == "PORT"

    def url(self, path="/echo", scheme="ws"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def served(program, *arguments):
    """`leat serve` with these arguments: its first line, and the path behind "ca: " if there is TLS."""
    process = subprocess.Popen([program, "serve", *arguments, "--until-eof"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    with process:
        address = process.stdout.readline().strip()
        ca = process.stdout.readline().strip().removeprefix("ca: ") if address.startswith("wss:") else None
        yield address, ca
        process.stdin.close()
        assert process.wait(patience(10)) == 0


@contextlib.contextmanager
def listener(serve):
    """A port whose connections `serve` answers one after the other, on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def run():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(patience(5))
                    serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)


def upgrade(connection):
    """The least that a WebSocket server says (RFC 6455 section 4.2.2)."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def closed_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def environment(**changes):
    """Without what would change messages or colours."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("LC_", "LANG", "XDG_")) and name not in ("NO_COLOR", "COLUMNS")}
    env.update(changes)
    return env


def program():
    """The tool's path, taken off the command line."""
    return os.path.abspath(sys.argv.pop(1))
