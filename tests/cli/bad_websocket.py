# SPDX-License-Identifier: Apache-2.0
"""A small WebSocket echo, server and client, that can be made to break a rule by name: what a judge must find."""
import base64
import hashlib
import os
import socket
import struct
import threading
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FAULTS = ("no-mask-check", "no-utf8-check", "no-rsv-check", "no-opcode-check", "no-fragment-check", "empty-pongs", "any-close-code",
          "stays-open", "wrong-accept", "masks-frames", "no-control-check", "loses-glued", "harms-others", "no-accept-check",
          "no-status-check", "echoes-twice", "same-key", "pings-forever")


class Violation(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Ended(Exception):
    pass


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Echo:
    """One connection behind the upgrade."""

    def __init__(self, connection, faults, is_client, rest=b""):
        self.connection, self.faults, self.is_client = connection, faults, is_client
        self.pending = b"" if "loses-glued" in faults else rest
        self.parts, self.opcode = [], None

    def read(self, count):
        while len(self.pending) < count:
            more = self.connection.recv(65536)
            if not more:
                raise Ended
            self.pending += more
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def send(self, opcode, payload):
        masks = self.is_client != ("masks-frames" in self.faults)
        size = len(payload)
        head = bytes([0x80 | opcode])
        mask_bit = 0x80 if masks else 0
        head += (bytes([mask_bit | size]) if size < 126 else bytes([mask_bit | 126]) + struct.pack(">H", size) if size < 65536
                 else bytes([mask_bit | 127]) + struct.pack(">Q", size))
        if masks:
            key = os.urandom(4)
            head += key
            payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
        self.connection.sendall(head + payload)

    def check(self, fault, is_wrong, code=1002):
        if is_wrong and fault not in self.faults:
            raise Violation(code)

    def frame(self):
        first, second = self.read(2)
        opcode, size = first & 15, second & 127
        self.check("no-rsv-check", first & 0x70)
        self.check("no-opcode-check", opcode not in (0, 1, 2, 8, 9, 10))
        self.check("no-mask-check", bool(second & 128) == self.is_client)
        self.check("no-control-check", opcode >= 8 and (size > 125 or not first & 0x80))
        if size == 126:
            size, = struct.unpack(">H", self.read(2))
            self.check("", size < 126)
        elif size == 127:
            size, = struct.unpack(">Q", self.read(8))
            self.check("", size < 65536 or size >> 63)
        if size > 1 << 20:
            raise Violation(1009)
        key = self.read(4) if second & 128 else None
        payload = self.read(size)
        if key:
            whole = key * (size // 4 + 1)
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(whole[:size], "big")).to_bytes(size, "big")
        return bool(first & 0x80), opcode, payload

    def text_check(self, payload, code=1007):
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            self.check("no-utf8-check", True, code)

    def close_check(self, payload):
        if not payload:
            return
        code = int.from_bytes(payload[:2], "big")
        is_good = len(payload) > 1 and (code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code <= 4999)
        self.check("any-close-code", not is_good)
        self.text_check(payload[2:])

    def data(self, fin, opcode, payload):
        self.check("no-fragment-check", (opcode == 0) == (self.opcode is None))
        if opcode:
            self.opcode, self.parts = opcode, []
        self.parts.append(payload)
        if sum(map(len, self.parts)) > 1 << 20:
            raise Violation(1009)
        if not fin:
            return
        whole, kind, self.opcode = b"".join(self.parts), self.opcode or 2, None
        if kind == 1:
            self.text_check(whole)
        for _ in range(2 if "echoes-twice" in self.faults else 1):
            self.send(kind, whole)

    def run(self):
        try:
            while True:
                fin, opcode, payload = self.frame()
                if opcode == 8:
                    self.close_check(payload)
                    self.send(8, payload[:2])
                    return
                if opcode == 9:
                    self.send(10, b"" if "empty-pongs" in self.faults else payload)
                elif opcode < 3:
                    self.data(fin, opcode, payload)
        except Violation as violation:
            self.send(8, struct.pack(">H", violation.code))


class Server:
    """Listens; every connection has a thread."""

    def __init__(self, *faults):
        assert set(faults) <= set(FAULTS)
        self.faults = faults
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "ws://127.0.0.1:%u/" % self.listener.getsockname()[1]
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        self.open.add(connection)
        try:
            self.upgrade(connection)
        except (Ended, OSError, ValueError, KeyError):
            if "harms-others" in self.faults:
                for other in list(self.open):
                    other.close()
        finally:
            self.open.discard(connection)
            if "stays-open" not in self.faults:
                connection.close()

    def upgrade(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more or len(head) > 65536:
                return
            head += more
        head, rest = head.split(b"\r\n\r\n", 1)
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        accept = accept_of(b"another" if "wrong-accept" in self.faults else fields[b"Sec-WebSocket-Key"])
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while "pings-forever" in self.faults:
            connection.sendall(b"\x89\x00")
            time.sleep(0.01)
        Echo(connection, self.faults, False, rest).run()
        if "stays-open" in self.faults:
            self.open.add(connection.dup())
        connection.shutdown(socket.SHUT_WR) if "stays-open" not in self.faults else None


class Client:
    """Connects again and again, each time for the next case, until nobody is there any more."""

    def __init__(self, url, *faults):
        assert set(faults) <= set(FAULTS)
        self.faults = faults
        host, port = url.split("//")[1].rstrip("/").split(":")
        self.where = (host, int(port))

    def run(self, count):
        for _ in range(count):
            try:
                with socket.create_connection(self.where, timeout=60) as connection:
                    self.connect(connection)
            except (Ended, OSError, ValueError, KeyError):
                pass

    def connect(self, connection):
        key = base64.b64encode(bytes(16) if "same-key" in self.faults else os.urandom(16))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n"
                           % (self.where[0].encode(), self.where[1], key))
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more or len(head) > 65536:
                return
            head += more
        head, rest = head.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        fields = {name.lower(): value.strip() for name, value in (line.split(b":", 1) for line in lines[1:])}
        if not lines[0].startswith(b"HTTP/1.1 101") and "no-status-check" not in self.faults:
            return
        if fields[b"sec-websocket-accept"] != accept_of(key) and "no-accept-check" not in self.faults:
            return
        if fields[b"upgrade"].lower() != b"websocket" or b"upgrade" not in fields[b"connection"].lower():
            return
        if b"sec-websocket-extensions" in fields or b"sec-websocket-protocol" in fields:
            return
        Echo(connection, self.faults, True, rest).run()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
