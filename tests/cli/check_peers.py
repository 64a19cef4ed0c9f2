# SPDX-License-Identifier: Apache-2.0
"""Peers of the tests of `leat check`, each on a free port of loopback: `leat serve`, a DNS server, certificates of chosen
days, and a terminal."""
import datetime
import fcntl
import os
import pty
import socket
import struct
import subprocess
import termios
import threading
import unicodedata
from urllib.parse import urlsplit

import peer
from patience import patience


class Serve:
    """`leat serve` with these arguments. `url` is what it prints, `ca` the CA of its certificate, None without TLS."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, "serve", *arguments, "--until-eof", "--log"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.url = self.process.stdout.readline().strip()
        self.port = urlsplit(self.url).port
        self.ca = None
        if "--tls" in arguments or "--cert-fault" in arguments:
            self.ca = self.process.stdout.readline().strip().removeprefix("ca: ")
        self.count = 0
        self.counted = threading.Condition()
        self.thread = threading.Thread(target=self._read_log, daemon=True)
        self.thread.start()

    def _read_log(self):
        for line in self.process.stderr:
            with self.counted:
                self.count += " accept" in line
                self.counted.notify_all()

    def wait_for(self, count):
        """Until so many connections have come."""
        with self.counted:
            if not self.counted.wait_for(lambda: self.count >= count, timeout=patience(5)):
                raise TimeoutError

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.thread.join(20)
        self.process.stdout.close()
        self.process.stderr.close()


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
    """A CA (ca.pem) and certificates of chosen days, by the openssl program in one directory."""

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
subjectAltName = DNS:localhost, DNS:inside.test, IP:127.0.0.1, IP:::1
"""
    def __init__(self, directory):
        self.directory = directory
        for name, content in (("openssl.cnf", self.CONFIGURATION), ("index.txt", "")):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(content)
        for name in ("ca", "server"):
            self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")
        self.openssl("req", "-x509", "-new", "-key", "ca.key", "-days", "3650", "-subj", "/CN=leat ca",
                     "-config", "openssl.cnf", "-extensions", "root", "-out", "ca.pem")
        self.issue("server", ("20200101000000Z", "20491231000000Z"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True, timeout=patience(10))

    def issue(self, name, validity):
        """A certificate for localhost, with the key of the server."""
        self.openssl("req", "-new", "-key", "server.key", "-subj", "/CN=localhost", "-config", "openssl.cnf",
                     "-out", name + ".csr")
        self.openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", "server", "-cert", "ca.pem",
                     "-keyfile", "ca.key", "-startdate", validity[0], "-enddate", validity[1],
                     "-in", name + ".csr", "-out", name + ".pem")

    def issue_for_days(self, name, days):
        """The same that is valid for so many days from now; returns its path."""
        now = datetime.datetime.now(datetime.timezone.utc)
        times = (now - datetime.timedelta(days=1), now + datetime.timedelta(days=days))
        self.issue(name, tuple(time.strftime("%Y%m%d%H%M%SZ") for time in times))
        return self.path(name + ".pem")


class OpenSsl:
    """`openssl s_server` with these arguments. It reads its standard input, so that stays open."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", *arguments], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.process.stdout:
            if line.startswith("ACCEPT"):
                self.port = int(line.rsplit(":", 1)[1])
                break
        self.thread = threading.Thread(target=self.process.stdout.read, daemon=True)
        self.thread.start()

    def close(self):
        self.process.kill()
        self.process.wait(20)
        self.thread.join(20)
        self.process.stdin.close()
        self.process.stdout.close()


def refusing_port():
    """A port of loopback at which nobody listens: bound, so that nobody else gets it meanwhile."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def run_in_terminal(*command, width=80, **variables):
    """Runs a command in a terminal of so many columns. Returns the exit status and what was shown."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave,
        env=peer.environment(**{"TERM": "xterm", **variables}))
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 65536):
            shown += part
    except OSError:  # the other end has gone
        pass
    os.close(master)
    return process.wait(30), shown.decode("utf-8").replace("\r\n", "\n")
