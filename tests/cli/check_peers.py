# SPDX-License-Identifier: Apache-2.0
"""Peers of the tests of `leat check`, each on a free port of loopback in a thread of its own: a WebSocket server that
can misbehave, proxies, a DNS server, and certificates."""
import base64
import datetime
import hashlib
import os
import socket
import ssl
import struct
import subprocess
import threading

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """Accepts connections and calls serve(connection) for each in a thread; closes everything at the end."""

    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.port = self.listener.getsockname()[1]
        self.count = 0
        self.counted = threading.Condition()
        self.is_over = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while not self.is_over:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.counted:
                self.count += 1
                self.counted.notify_all()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(20)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection:
                self.serve(connection)
        except (OSError, EOFError):
            pass

    def serve(self, connection):
        raise NotImplementedError

    def wait_for(self, count):
        """Until so many connections have come."""
        with self.counted:
            if not self.counted.wait_for(lambda: self.count >= count, timeout=20):
                raise TimeoutError

    def close(self):
        self.is_over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(10)


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_head(connection):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(connection, 1)
    return head


class Server(Peer):
    """A WebSocket server. `behaviour`: "echo"; "mute" (answers nothing but Pings); "silent" (not even those);
    "close" (1008 instead of an echo); "drop" (the connection ends instead of an echo); "refuse" (404);
    "refuse third" (the third connection only)."""

    def __init__(self, behaviour="echo", certificate=None, key=None, **listen):
        self.behaviour = behaviour
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate, key)
        super().__init__(**listen)

    def serve(self, connection):
        if not self.context:
            self.speak(connection)
            return
        with self.context.wrap_socket(connection, server_side=True) as secured:
            self.speak(secured)

    def speak(self, connection):
        number = self.count
        head = read_head(connection)
        if self.behaviour == "refuse" or (self.behaviour == "refuse third" and number == 3):
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        accept = base64.b64encode(hashlib.sha1(fields["Sec-WebSocket-Key"].encode() + MAGIC).digest())
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        if "Sec-WebSocket-Protocol" in fields:
            answer += b"Sec-WebSocket-Protocol: " + fields["Sec-WebSocket-Protocol"].encode() + b"\r\n"
        connection.sendall(answer + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while self.frame(connection):
            pass

    def frame(self, connection):
        first, second = read_exactly(connection, 2)
        size = second & 0x7F
        mask = read_exactly(connection, 4)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(read_exactly(connection, size)))
        opcode = first & 0x0F
        if opcode == 8:
            connection.sendall(bytes([0x88, size]) + payload)
            return False
        if opcode == 9 and self.behaviour != "silent":
            connection.sendall(bytes([0x8A, size]) + payload)
        if opcode == 1 and self.behaviour in ("echo", "refuse third"):
            connection.sendall(bytes([0x81, size]) + payload)
        if opcode == 1 and self.behaviour == "close":
            connection.sendall(b"\x88\x02" + struct.pack(">H", 1008))
        return self.behaviour != "drop"


def relay(a, b):
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    back = threading.Thread(target=copy, args=(b, a), daemon=True)
    back.start()
    copy(a, b)
    back.join(20)


class Socks5(Peer):
    """A SOCKS5 proxy that needs no password, or that answers every request with `reply`."""

    def __init__(self, reply=0):
        self.reply = reply
        super().__init__()

    def serve(self, connection):
        _, count = read_exactly(connection, 2)
        read_exactly(connection, count)
        connection.sendall(b"\x05\x00")
        _, _, _, kind = read_exactly(connection, 4)
        size = {1: 4, 4: 16}.get(kind) or read_exactly(connection, 1)[0]
        host = read_exactly(connection, size)
        (port,) = struct.unpack(">H", read_exactly(connection, 2))
        connection.sendall(bytes([5, self.reply, 0, 1]) + bytes(6))
        if self.reply:
            return
        name = host.decode() if kind == 3 else socket.inet_ntop({1: socket.AF_INET, 4: socket.AF_INET6}[kind], host)
        with socket.create_connection(("127.0.0.1" if name.endswith(".test") else name, port)) as target:
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            relay(connection, target)


class Connect(Peer):
    """An HTTP proxy that refuses."""

    def serve(self, connection):
        read_head(connection)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


class NotTls(Peer):
    """Answers a ClientHello in the clear."""

    def serve(self, connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class Dns:
    """Answers every question from `addresses`: {name: [address, ...]}; others do not exist."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            query, client = self.socket.recvfrom(1500)
            if query == b"stop":
                return
            self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
        known = self.addresses.get(".".join(labels))
        records = b""
        count = 0
        for address in known or []:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            if kind == {socket.AF_INET: 1, socket.AF_INET6: 28}[family]:
                data = socket.inet_pton(family, address)
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
                count += 1
        flags = 0x8180 if known else 0x8183
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"stop", ("127.0.0.1", self.port))
        self.thread.join(10)
        self.socket.close()


class Certificates:
    """A CA (ca.pem), one that nobody trusts, and what they have signed, all by the openssl program in one directory."""

    CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
[name]
CN = test
[ca]
default_ca = issuer
[issuer]
new_certs_dir = .
database = index.txt
rand_serial = yes
default_md = sha256
policy = any_name
unique_subject = no
[any_name]
commonName = supplied
[root]
basicConstraints = critical, CA:true
[server]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:*.test, IP:127.0.0.1, IP:::1
[elsewhere]
basicConstraints = CA:false
subjectAltName = DNS:elsewhere.example
"""
    USUAL = ("20200101000000Z", "20491231000000Z")

    def __init__(self, directory):
        self.directory = directory
        for name, content in (("openssl.cnf", self.CONFIGURATION), ("index.txt", "")):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(content)
        for name in ("ca", "other-ca", "server"):
            self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")
        for name in ("ca", "other-ca"):
            self.openssl("req", "-x509", "-new", "-key", name + ".key", "-days", "3650", "-subj", f"/CN=leat {name}",
                         "-config", "openssl.cnf", "-extensions", "root", "-out", name + ".pem")
        self.issue("server")
        self.issue("expired", validity=("20200101000000Z", "20210101000000Z"))
        self.issue("wrong-host", extensions="elsewhere")
        self.issue("unknown-ca", authority="other-ca")

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True, timeout=60)

    def issue(self, name, validity=USUAL, extensions="server", authority="ca"):
        """A certificate for localhost, with the key of the server."""
        self.openssl("req", "-new", "-key", "server.key", "-subj", "/CN=localhost", "-config", "openssl.cnf",
                     "-out", name + ".csr")
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", extensions,
                     "-cert", authority + ".pem", "-keyfile", authority + ".key", "-startdate", validity[0],
                     "-enddate", validity[1], "-in", name + ".csr", "-out", name + ".pem")

    def issue_for_days(self, name, days):
        """The same that is valid for so many days from now; returns its path."""
        now = datetime.datetime.now(datetime.timezone.utc)
        times = (now - datetime.timedelta(days=1), now + datetime.timedelta(days=days))
        self.issue(name, validity=tuple(time.strftime("%Y%m%d%H%M%SZ") for time in times))
        return self.path(name + ".pem")


def refusing_port():
    """A port of loopback at which nobody listens: bound, so that nobody else gets it meanwhile."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]
