#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A helper of squid's that judges NTLM by python3-gssapi and gss-ntlmssp: the users are those of NTLM_USER_FILE.

Squid's protocol: "YR token" begins and "KK token" goes on; the answers are "TT token" (one more, please), "AF user" and
"NA reason". (Squid's own ntlm_fake_auth asks what gss-ntlmssp cannot read.)
"""
import base64
import sys

import gssapi

NTLMSSP = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")


def answer(state, word, token):
    if word == "YR":
        credentials = gssapi.Credentials(usage="accept", mechs=[NTLMSSP])
        state["context"] = gssapi.SecurityContext(creds=credentials, usage="accept")
    try:
        reply = state["context"].step(base64.b64decode(token))
    except gssapi.exceptions.GSSError as error:
        return f"NA {error}".replace("\n", " ")
    if state["context"].complete:
        return "AF " + str(state["context"].initiator_name).strip("\0 ").replace("\\", "-")
    return "TT " + base64.b64encode(reply).decode()


def main():
    state = {}
    for line in sys.stdin:
        word, _, token = line.strip().partition(" ")
        print(answer(state, word, token), flush=True)


main()
