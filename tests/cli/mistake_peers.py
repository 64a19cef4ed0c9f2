# SPDX-License-Identifier: Apache-2.0
"""The peers that people run into by mistake, each on a free port of loopback: what they say is bytes of a table."""
import contextlib
import socket
import threading

from patience import patience

HTTP = "HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}"


def http(status, *headers, body=""):
    """An answer to the first request."""
    return HTTP.format(status, "".join(header + "\r\n" for header in headers), len(body), body).encode()


class Says:
    """Reads something, then says this, again and again for each thing of `answers`, then ends as `end` says: "close", "reset"
    or "stay". With `first` it speaks before it has read anything."""

    def __init__(self, *answers, end="close", first=False):
        self.answers, self.end, self.first = answers, end, first
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.connections = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            connection.settimeout(patience(20))
            for index, answer in enumerate(self.answers):
                if index > 0 or not self.first:
                    connection.recv(65536)
                connection.sendall(answer)
            if self.end == "stay":
                while connection.recv(65536):
                    pass
            if not self.answers or self.first:
                connection.recv(65536)
            if self.end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            else:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
        connection.close()

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(20)
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
