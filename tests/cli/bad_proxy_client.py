# SPDX-License-Identifier: Apache-2.0
"""A client of SOCKS5 and of CONNECT that returns every byte, and can be made to break a rule by name: what a judge must find."""
import socket

FAULTS = ("ignores-method", "ignores-reply", "reads-once", "loses-glued", "no-100", "takes-length")


class Wrong(Exception):
    pass


class Client:
    def __init__(self, url, *faults):
        assert set(faults) <= set(FAULTS)
        self.faults = faults
        scheme, self.where = url.split("://")[0], url.split("@")[-1].split("//")[-1]
        self.connect = self.socks5 if scheme.startswith("socks5") else self.http
        self.rest = b""

    def run(self, count):
        host, port = self.where.split(":")
        for _ in range(count):
            with socket.create_connection((host, int(port)), timeout=60) as connection:
                try:
                    self.rest = b""
                    self.connect(connection)
                    self.echo(connection)
                except (Wrong, OSError):
                    pass

    def check(self, fault, is_right):
        if not is_right and fault not in self.faults:
            raise Wrong

    def need(self, connection, count):
        """So many bytes; what is behind them is kept, unless it is to be lost."""
        if "reads-once" in self.faults:
            data = connection.recv(count)
            if len(data) < count:
                raise Wrong
            return data
        while len(self.rest) < count:
            more = connection.recv(65536 if "loses-glued" in self.faults else count - len(self.rest))
            if not more:
                raise Wrong
            self.rest += more
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def socks5(self, connection):
        connection.sendall(b"\5\2\0\2")
        version, method = self.need(connection, 2)
        self.check("ignores-method", version == 5 and method in (0, 2))
        if method == 2:
            connection.sendall(b"\1\4leat\6secret")
            self.check("ignores-reply", self.need(connection, 2) == b"\1\0")
        connection.sendall(b"\5\1\0\3\x09leat.test\0\x50")
        version, reply, _, kind = self.need(connection, 4)
        self.check("ignores-reply", version == 5 and reply == 0 and kind in (1, 3, 4))
        size = {1: 4, 4: 16}.get(kind) or self.need(connection, 1)[0]
        self.need(connection, size + 2)

    def http(self, connection):
        connection.sendall(b"CONNECT leat.test:80 HTTP/1.1\r\nHost: leat.test:80\r\n\r\n")
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += self.need(connection, 1)
                if len(head) > 100000:
                    raise Wrong
            words = head.split(b"\r\n")[0].split(b" ")
            is_status = words[0] in (b"HTTP/1.0", b"HTTP/1.1") and len(words) > 2 and len(words[1]) == 3 and words[1].isdigit()
            self.check("ignores-reply", is_status)
            if words[1][:1] != b"1" or words[1] == b"101" or "no-100" in self.faults:
                break
        self.check("ignores-reply", words[1][:1] == b"2")
        if "takes-length" in self.faults and b"Content-Length: 5" in head:
            self.need(connection, 5)

    def echo(self, connection):
        data = b"" if "loses-glued" in self.faults else self.rest
        while True:
            connection.sendall(data)
            data = connection.recv(65536)
            if not data:
                return
