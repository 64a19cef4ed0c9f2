#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Squid's ntlm_fake_auth, whose challenge is laid out as [MS-NLMP] 2.2.1.2 has it. All else passes as it is: squid and that
helper judge what the client answers.

What the helper of squid 5.7 says (lib/ntlmauth: struct _ntlm_challenge, ntlm_add_to_payload()):
 - 40 bytes, and behind them the name at once: there are no TargetInfoFields, at 40, and no Version, at 48. So the message has 49
   bytes where 56 are the least, which gss-ntlmssp counts first and refuses.
 - TargetNameBufferOffset is a difference of pointers to structures of 12 bytes, over 40: 0xaaaaaaae instead of 40.
 - the flags are the client's, with Unicode and OEM both, of which a server takes one; the name is OEM in any case. Where both
   are left the client's names come in OEM, of which the helper reads a byte too many: "LEATa\\alicev" for "LEAT\\alice".
"""
import base64
import struct
import subprocess
import sys

UNICODE, OEM, TARGET_IS_DOMAIN, TARGET_INFO, VERSION = 0x1, 0x2, 0x10000, 0x800000, 0x2000000
FIXED = struct.Struct("<8sIHHII8s8s")
MENDED = struct.Struct("<8sIHHII8s8sHHIQ")


def mend(message):
    signature, kind, length, _, _, flags, challenge, reserved = FIXED.unpack_from(message)
    name = message[FIXED.size:FIXED.size + length]
    flags = flags & ~(TARGET_INFO | VERSION) | TARGET_IS_DOMAIN
    if flags & UNICODE:
        flags &= ~OEM
        name = name.decode("ascii").encode("utf-16-le")
    behind = MENDED.size + len(name)
    return MENDED.pack(signature, kind, len(name), len(name), MENDED.size, flags, challenge, reserved, 0, 0, behind, 0) + name


def main():
    helper = subprocess.Popen(["/usr/lib/squid/ntlm_fake_auth"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for line in sys.stdin.buffer:
        helper.stdin.write(line)
        helper.stdin.flush()
        word, _, token = helper.stdout.readline().strip().partition(b" ")
        if word == b"TT":
            token = base64.b64encode(mend(base64.b64decode(token)))
        sys.stdout.buffer.write(word + b" " + token + b"\n")
        sys.stdout.buffer.flush()


main()
