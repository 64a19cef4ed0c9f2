# SPDX-License-Identifier: Apache-2.0
"""A DNS server that is slow, lies or says nothing, asked as RFC 1035 has it."""
import socket
import struct

import pytest

A, AAAA = 1, 28
NXDOMAIN = 3


def ask(server, name, kind, timeout=30):
    """RCODE, and the data of the answer's records."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(query, (server.host, server.port))
        answer = client.recv(4096)
    number, flags, _, count = struct.unpack_from(">HHHH", answer)
    assert number == 7
    at, found = len(query), []
    for _ in range(count):
        at += 2 if answer[at] >= 0xc0 else len(labels) + 1
        length = struct.unpack_from(">H", answer, at + 8)[0]
        found.append(answer[at + 10:at + 10 + length])
        at += 10 + length
    return flags & 15, found


def test_records(dns):
    server = dns(records='a.test A 127.0.0.7; b.test * nxdomain')
    assert ask(server, "a.test", A) == (0, [bytes([127, 0, 0, 7])])
    assert ask(server, "b.test", A)[0] == NXDOMAIN
    server.assert_step("query", 2)


def test_silence_of_one_type(dns):
    """What a client must not wait for: the other family has answered."""
    server = dns(records='a.test A 127.0.0.1; a.test AAAA silence')
    with pytest.raises(socket.timeout):
        ask(server, "a.test", AAAA, timeout=0.3)
    assert ask(server, "a.test", A)[1] == [bytes([127, 0, 0, 1])]
