#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A SOCKS5 proxy for the tests that demands GSS-API (RFC 1961), on python3-gssapi. Prints "PORT n" once it listens.

UDP ASSOCIATE has a relay that sends back what comes, with attacks around it.

It takes the services of the keytab that KRB5_KTNAME names, and connects to names and IPv4 addresses. --levels says which
protections of messages it knows (0 none, 1 integrity, 2 confidentiality): it grants what is asked for, or the next one that
it knows, below that if possible.
"""
import argparse
import socket
import struct
import threading

import gssapi

AUTHENTICATION, PROTECTION, DATA, ABORT = 1, 2, 3, 0xFF
CHUNK = 20000


def read(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read_message(connection, wanted):
    version, kind, length = struct.unpack("!BBH", read(connection, 4))
    if version != 1 or kind != wanted:
        raise ValueError(f"a message {version}, {kind} instead of 1, {wanted}")
    return read(connection, length)


def write_message(connection, kind, token):
    connection.sendall(struct.pack("!BBH", 1, kind, len(token)) + token)


def authenticate(connection):
    context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept")
    while not context.complete:
        token = context.step(read_message(connection, AUTHENTICATION))
        if token or not context.complete:
            write_message(connection, AUTHENTICATION, token or b"")
    return context


def grant(asked, levels):
    below = [level for level in levels if level <= asked]
    return max(below) if below else min(levels)


def negotiate(connection, context, levels):
    asked = context.unwrap(read_message(connection, PROTECTION)).message[0]
    level = grant(asked, levels)
    write_message(connection, PROTECTION, context.wrap(bytes([level]), False).message)
    return level


class Protected:
    """What goes through the proxy, wrapped and unwrapped."""

    def __init__(self, connection, context, level):
        self.connection, self.context, self.level = connection, context, level
        self.rest = b""

    def recv(self, count):
        if self.level == 0:
            return self.connection.recv(count)
        while not self.rest:
            try:
                message = self.context.unwrap(read_message(self.connection, DATA))
            except EOFError:
                return b""
            if message.encrypted != (self.level == 2):
                raise ValueError("a message is not protected as it should be")
            self.rest = message.message
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def sendall(self, data):
        if self.level == 0:
            self.connection.sendall(data)
            return
        for at in range(0, len(data), CHUNK):
            write_message(self.connection, DATA, self.context.wrap(data[at : at + CHUNK], self.level == 2).message)


def request(client):
    """The command, host and port."""
    version, command, _, kind = read(client, 4)
    if version != 5 or command not in (1, 3):
        raise ValueError("neither CONNECT nor UDP ASSOCIATE")
    length = 4 if kind == 1 else read(client, 1)[0]
    address = read(client, length)
    host = socket.inet_ntoa(address) if kind == 1 else address.decode()
    return command, host, struct.unpack("!H", read(client, 2))[0]


def associate(client, connection):
    """A relay that sends each datagram back itself, and around it what must not be taken: nonsense, the same without
    protection, and the same once more. "bye" ends the association."""
    relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    relay.bind(("127.0.0.1", 0))

    def answer():
        while True:
            datagram, sender = relay.recvfrom(65536)
            if client.level > 0:
                version, kind, length = struct.unpack("!BBH", datagram[:4])
                if (version, kind, length) != (1, DATA, len(datagram) - 4):
                    continue
                datagram = client.context.unwrap(datagram[4:]).message
                if datagram.endswith(b"bye"):
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                token = client.context.wrap(datagram, client.level == 2).message
                sealed = struct.pack("!BBH", 1, DATA, len(token)) + token
                for hostile in (b"", b"\1\3\0", sealed[:-1], sealed + b"x", sealed[:4] + bytes(len(token)), datagram,
                                sealed, sealed):
                    relay.sendto(hostile, sender)
            else:
                relay.sendto(datagram, sender)

    threading.Thread(target=answer, daemon=True).start()
    client.sendall(b"\x05\0\0\x01" + socket.inet_aton("127.0.0.1") + struct.pack("!H", relay.getsockname()[1]))
    while connection.recv(CHUNK):
        pass


def pump(source, target, end):
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        try:
            end.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(connection, levels):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, count = read(connection, 2)
        if 1 not in read(connection, count):
            connection.sendall(b"\x05\xff")
            return
        connection.sendall(b"\x05\x01")
        try:
            context = authenticate(connection)
        except gssapi.exceptions.GSSError:
            connection.sendall(bytes([1, ABORT]))
            return
        client = Protected(connection, context, negotiate(connection, context, levels))
        command, *target = request(client)
        if command == 3:
            associate(client, connection)
            return
        try:
            upstream = socket.create_connection(tuple(target))
        except OSError:
            client.sendall(b"\x05\x05\0\x01" + bytes(6))
            return
        with upstream:
            client.sendall(b"\x05\0\0\x01" + bytes(6))
            up = threading.Thread(target=pump, args=(client, upstream, upstream), daemon=True)
            up.start()
            pump(upstream, client, connection)
            up.join()


def serve_quietly(connection, levels):
    try:
        serve(connection, levels)
    except (OSError, EOFError):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", default="0,1,2")
    levels = [int(level) for level in parser.parse_args().levels.split(",")]
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"PORT {listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_quietly, args=(connection, levels), daemon=True).start()


main()
