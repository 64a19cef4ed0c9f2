#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Chains of certificates, good and bad: what leat says about each, with libcrypto as the judge and without.

usage: chains.py JUDGE_CHAINS libcrypto|mbedtls [NAME...]
"""
import os
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from making import (ANY, CLIENT, DAY, EMAIL, PEM, SERVER, by_openssl, ca, crl, leaf, make, make_key, raw_dns, raw_extension,
                    signs_by_sha1, subject_of, unknown)

OK = None
REFUSED = 2303504
JUDGE, COLUMN = sys.argv[1], ("libcrypto", "mbedtls").index(sys.argv[2])
HOST = "example.com"
BEFORE = "not yet valid before"
UNKNOWN_ISSUER = "unknown issuer"
CONSTRAINTS = ("name constraints of a CA above it", "name constraints, which mbedTLS cannot check")
CRITICAL_CONSTRAINTS = (CONSTRAINTS[0], "its issuer's certificate cannot be read")
USAGE = "extendedKeyUsage extension does not allow a TLS server"
NO_CA = "is no CA"
PATH_LENGTH = "pathlen"
CERT_SIGN = "keyCertSign"
ORDER = "was sent out of order"
SIGNATURE = "its signature does not fit the issuer's key"
CRITICAL = ("an extension that is critical and not known", "cannot be read")
KEY = "its key cannot be used for TLS"
MISMATCH = "host name mismatch"
WEAK_KEY, WEAK_HASH = "weak key", "weak hash"

cases = {}


def case(name, chain, anchors, want=OK, mbedtls="same", host=HOST, role="server", crls=(), hashed=False):
    """`want`: OK, or a phrase of the text; a pair has one for each judge."""
    assert name not in cases, name
    both = want if isinstance(want, tuple) else (want, want)
    if mbedtls != "same":
        both = (both[0], mbedtls)
    cases[name] = (chain, anchors, both[COLUMN], host, role, crls, hashed)


def usual_cases():
    root = ca("root")
    sub = ca("sub", root)
    one = leaf(sub)
    case("leaf below the root", [leaf(root)], [root])
    case("leaf, intermediate", [one, sub], [root])
    case("the root is sent, too", [one, sub, root], [root])
    case("duplicates", [one, sub, one, sub, sub, root, root], [root])
    case("the anchor twice", [one, sub], [root, root])
    case("intermediate is missing", [one], [root], UNKNOWN_ISSUER)
    case("the intermediate is an anchor", [one], [sub])
    case("the intermediate is an anchor and sent", [one, sub], [sub])
    case("another root", [one, sub], [ca("another")], UNKNOWN_ISSUER)
    case("another root of the same name", [one, sub], [ca("root", key_id=False)], SIGNATURE)
    case("self-signed", [leaf(None)], [root], "self-signed")
    own = leaf(None, name="own")
    case("self-signed, and an anchor", [own], [own])
    case("self-signed root in the chain", [one, sub, root], [ca("another")], "self-signed certificate in the chain")
    case("expired", [leaf(sub, start=-9 * DAY, end=-DAY), sub], [root], "expired since")
    case("not yet valid", [leaf(sub, start=DAY), sub], [root], BEFORE)
    old = ca("old", root, start=-9 * DAY, end=-DAY)
    case("expired intermediate", [leaf(old), old], [root], "expired since")
    past = ca("past", start=-9 * DAY, end=-DAY)
    case("expired root", [leaf(past)], [past], "expired since")
    case("bad signature", [leaf(sub, signer=root), sub], [root], SIGNATURE)
    case("bad signature of an intermediate", [one, make("sub", root, key=sub.key, is_ca=True, signer=sub)], [root], SIGNATURE)
    case("expired and for another host", [leaf(root, san=["a.test"], start=-9 * DAY, end=-DAY)], [root], "expired since")
    case("long-lived", [leaf(root, end=9000 * DAY)], [root])
    case("dates behind 2050", [leaf(root, end=30000 * DAY)], [root])
    case("serial number of 20 bytes", [leaf(root, serial=2**159 - 1)], [root])


def building_cases():
    """What a chain is built from: RFC 5280 leaves it open, RFC 8446 section 4.4.2 says any order."""
    root, other = ca("root"), ca("other root")
    sub, low = ca("sub", root), None
    low = ca("low", sub)
    one = leaf(low)
    case("unordered", [one, sub, low], [root], (OK, ORDER))
    case("surplus", [one, ca("stranger"), low, ca("another", other), sub], [root])
    case("surplus that nobody can read", [one, low.changed(lambda d: d[:200]), low, sub], [root])
    case("surplus that is no DER", [one, low.changed(lambda d: b"\0" * 200), low, sub], [root])
    cross = make("root", other, key=root.key, is_ca=True)
    case("cross-signed, both roots", [one, low, sub, cross], [root, other])
    case("cross-signed, the new root", [one, low, sub, cross], [root])
    case("cross-signed, the old root", [one, low, sub, cross], [other])
    stale = make("root", other, key=root.key, is_ca=True, start=-9 * DAY, end=-DAY)
    case("expired cross root beside a valid one", [one, low, sub, stale], [root])
    case("expired cross root first, then a valid one", [one, low, sub, stale, cross], [other])
    past = ca("other root", key=other.key, start=-9 * DAY, end=-DAY)
    case("an expired anchor beside a valid one", [one, low, sub, cross], [past, other])
    twin_sub = make("sub", other, key=sub.key, is_ca=True)
    case("two intermediates of one name and key", [one, low, twin_sub, sub], [root], (OK, UNKNOWN_ISSUER))
    stranger = ca("sub", other)
    case("two intermediates of one name", [one, low, stranger, sub], [root], (OK, UNKNOWN_ISSUER))
    one_usage = make("sub", root, key=sub.key, is_ca=True, eku=[EMAIL])
    case("an intermediate for mail before the right one", [one, low, one_usage, sub], [root], (OK, USAGE))
    shut = make("sub", root, key=sub.key, is_ca=True, permitted=["corp.test"])
    case("a constrained intermediate before the right one", [one, low, shut, sub], [root])
    case("only wrong ones of one name", [one, low, twin_sub, one_usage, stranger], [root], (UNKNOWN_ISSUER, UNKNOWN_ISSUER))
    no_id = [ca("root", key_id=False)]
    no_id.append(ca("sub", no_id[0], key_id=False))
    case("without key identifiers", [leaf(no_id[1], key_id=False), no_id[1]], no_id[:1])
    a = ca("loop a")
    b = make("loop b", a, is_ca=True)
    a = make("loop a", b, key=a.key, is_ca=True)
    case("a loop", [leaf(a), a, b], [root], (UNKNOWN_ISSUER, ORDER))
    for count in (7, 8, 9, 30):
        chain = [root]
        for i in range(count):
            chain.append(ca(f"ca {i}", chain[-1]))
        long = "longer than the 9 certificates"
        case(f"{count} intermediates", [leaf(chain[-1]), *reversed(chain[1:])], [root], (OK, long if count > 8 else OK))
    chain = [root]
    for i in range(101):
        chain.append(ca(f"ca {i}", chain[-1]))
    case("101 intermediates", [leaf(chain[-1]), *reversed(chain[1:])], [root], ("too long", "longer than"))
    crowd = [ca(f"stranger {i}") for i in range(60)]
    case("60 strangers", [one, *crowd, low, sub], [root])
    case("by a directory with names by hash", [one, low, sub], [root, other], hashed=True)
    case("by such a directory, and none fits", [one, low, sub], [other], UNKNOWN_ISSUER, hashed=True)
    many = [ca(f"anchor {i}") for i in range(150)]
    case("in a large bundle", [one, low, sub], [*many[:70], root, *many[70:]])
    case("not in a large bundle", [one, low, sub], many, UNKNOWN_ISSUER)


def way_cases():
    """Rivals of one name: a good way up is found, whatever is wrong with the others."""
    root, other = ca("root"), ca("other root")
    sub = ca("sub", root)
    low = ca("low", sub)
    one = leaf(low)
    astray = make("sub", other, key=sub.key, is_ca=True)
    wrongs = {"usage": {"eku": [EMAIL]}, "constraints": {"excluded": ["example.com"], "nc_critical": False},
              "hash": {"hash_": hashes.SHA1()}, "signature": {"signer": other}, "unknown extension": {"more": [unknown(True)]}}
    if not signs_by_sha1():
        del wrongs["hash"]
    for word, bad in wrongs.items():
        # mbedTLS takes the first one that it can read.
        below, above = OK if word == "unknown extension" else "", "" if word in ("usage", "constraints") else OK
        wrong = [make("low", sub, key=low.key, **{"is_ca": True, **bad}) for _ in range(10)]
        case(f"ways: ten of wrong {word} before the right one", [one, *wrong, low, sub], [root], (OK, below))
        case(f"ways: one of wrong {word}, and two above it", [one, wrong[0], low, sub, astray], [root], (OK, below))
        case(f"ways: only those of wrong {word}", [one, *wrong, sub], [root], "")
        again = make("root", key=root.key, **{"is_ca": True, **bad})
        case(f"ways: two anchors, one of wrong {word}", [one, low, sub], [again, root], (OK, above))
        case(f"ways: a wrong {word} of an anchor, and another root", [one, low, sub, make("root", other, key=root.key, is_ca=True)],
             [again, other], (OK, above))
    keys = [make("low", sub, is_ca=True, key_id=False) for _ in range(20)]
    case("ways: twenty other keys, no identifiers", [leaf(low, key_id=False), *keys, low, sub], [root], (OK, SIGNATURE))
    keys = [make("low", sub, is_ca=True, key_id=False) for _ in range(60)]
    case("ways: 60 other keys, no identifiers", [leaf(low, key_id=False), *keys, low, sub], [root], (OK, SIGNATURE))
    layers = [root]
    for i in range(8):
        layers.append(ca(f"layer {i}", layers[-1]))
    doubles = [make(layers[i].name, layers[i - 1], key=layers[i].key, is_ca=True) for i in range(1, 9) for _ in range(4)]
    case("ways: 5 to the power of 8, and none good", [leaf(layers[-1]), *layers[1:], *doubles], [ca("root")], "")


def ca_cases(folder):
    root = ca("root")
    case("an intermediate that is no CA", [leaf(x := ca("sub", root, is_ca=False, usage=None)), x], [root], NO_CA)
    case("without basicConstraints", [leaf(x := ca("sub", root, bc=False)), x], [root], NO_CA)
    case("without basicConstraints and keyUsage", [leaf(x := ca("sub", root, bc=False, usage=None)), x], [root], NO_CA)
    case("a root without basicConstraints", [leaf(x := ca("root", bc=False))], [x], NO_CA)
    case("keyUsage without keyCertSign", [leaf(x := ca("sub", root, usage=["digital_signature"])), x], [root], CERT_SIGN)
    case("a CA without keyUsage", [leaf(x := ca("sub", root, usage=None)), x], [root])
    narrow = ca("narrow", root, pathlen=0)
    case("pathlen 0, and a leaf", [leaf(narrow), narrow], [root])
    below = ca("below", narrow)
    case("pathlen 0, and a CA", [leaf(below), below, narrow], [root], PATH_LENGTH)
    tight = ca("tight root", pathlen=1)
    first = ca("first", tight)
    second = ca("second", first)
    case("pathlen of the root", [leaf(second), second, first], [tight], PATH_LENGTH)
    issued = make("narrow", narrow, key=make_key(), is_ca=True, pathlen=0)
    case("pathlen 0, and a self-issued CA", [leaf(issued), issued, narrow], [root], (OK, "self-signed certificate in the chain"))
    one = leaf(root, name="other")
    case("a leaf has issued", [leaf(one), one], [root], NO_CA)
    v1 = by_openssl(folder, "v1-sub", root, None)
    case("an intermediate of X.509 version 1", [leaf(v1), v1], [root], NO_CA)
    case("unknown extension", [leaf(x := ca("sub", root, more=[unknown(False)])), x], [root])
    case("unknown critical extension of a CA", [leaf(x := ca("sub", root, more=[unknown(True)])), x], [root],
         (CRITICAL[0], "its issuer's certificate cannot be read"))
    case("unknown critical extension", [leaf(root, more=[unknown(True)])], [root], CRITICAL)
    case("unknown critical extension of the root", [leaf(x := ca("root", more=[unknown(True)]))], [x],
         (CRITICAL[0], "no CA certificate can be parsed"))
    case("usage of a CA: server", [leaf(x := ca("sub", root, eku=[SERVER])), x], [root])
    case("usage of a CA: client and server", [leaf(x := ca("sub", root, eku=[CLIENT, SERVER])), x], [root])
    case("usage of a CA: mail", [leaf(x := ca("sub", root, eku=[EMAIL])), x], [root], USAGE)
    case("usage of a CA: client", [leaf(x := ca("sub", root, eku=[CLIENT])), x], [root], USAGE)
    case("usage of a root: mail", [leaf(x := ca("root", eku=[EMAIL]))], [x], USAGE)
    case("usage: mail", [leaf(root, eku=[EMAIL])], [root], USAGE)
    case("usage: client", [leaf(root, eku=[CLIENT])], [root], USAGE)
    case("usage: client and server", [leaf(root, eku=[CLIENT, SERVER])], [root])
    case("usage: any", [leaf(root, eku=[ANY])], [root], (USAGE, OK))
    case("keyUsage of the leaf", [leaf(root, usage=["crl_sign"])], [root], "keyUsage extension does not allow it", mbedtls=OK)
    only_client = raw_extension("2.16.840.1.113730.1.1", b"\3\2\7\x80")
    case("Netscape's type: client", [leaf(root, more=[only_client])], [root], "Netscape certificate type", mbedtls=OK)
    no_policy = ca("sub", root, more=[(x509.PolicyConstraints(0, None), True)])
    case("a policy is demanded and not there", [leaf(no_policy), no_policy], [root],
         ("policies are not accepted", "its issuer's certificate cannot be read"))
    policy = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)])
    with_policy = ca("sub", root, more=[(x509.PolicyConstraints(0, None), True), (policy, False)])
    case("a policy is demanded and there", [leaf(with_policy, more=[(policy, False)]), with_policy], [root],
         (OK, "its issuer's certificate cannot be read"))
    case("critical policies", [leaf(root, more=[(policy, True)])], [root], (OK, "it cannot be read"))


def client_cases():
    root = ca("root")
    sub = ca("sub", root)
    mail = ca("mail", root, eku=[EMAIL])
    text = "extendedKeyUsage extension does not allow a TLS client"
    case("client", [make("client", sub, eku=[CLIENT]), sub], [root], role="client")
    case("client without names and usage", [make("client", sub), sub], [root], role="client")
    case("client with a server's certificate", [leaf(sub, eku=[SERVER]), sub], [root], text, role="client")
    case("client below a CA for mail", [make("client", mail), mail], [root], text, role="client")
    case("client, unknown issuer", [make("client", sub)], [root], UNKNOWN_ISSUER, role="client")
    case("client, unordered", [make("client", x := ca("low", sub)), sub, x], [root], (OK, ORDER), role="client")
    limited = ca("limited", root, permitted=["corp.test"])
    case("client, name constraints", [make("client", limited, san=["a.corp.test"]), limited], [root], (OK, CRITICAL_CONSTRAINTS[1]),
         role="client")


def constraint_cases():
    root = ca("root")

    def constrained(name, san, want, host=None, critical=True, subject=None, **options):
        sub = ca("sub", root, nc_critical=critical, **options)
        one = leaf(sub, san=san, **({"subject": subject} if subject is not None else {}))
        mbedtls = CRITICAL_CONSTRAINTS[1] if critical else CONSTRAINTS[1]
        case("name constraints: " + name, [one, sub], [root], (want, mbedtls), host=host or san[0].lstrip("@"))

    bad = CONSTRAINTS[0]
    constrained("permitted", ["a.corp.test"], OK, permitted=["corp.test"])
    constrained("the name itself", ["corp.test"], OK, permitted=["corp.test"])
    constrained("not permitted", ["example.com"], bad, permitted=["corp.test"])
    constrained("not permitted, not critical", ["example.com"], bad, permitted=["corp.test"], critical=False)
    constrained("a name that only ends so", ["evilcorp.test"], bad, permitted=["corp.test"])
    constrained("one of two names", ["a.corp.test", "example.com"], bad, permitted=["corp.test"])
    constrained("excluded", ["a.corp.test"], bad, excluded=["corp.test"])
    constrained("not excluded", ["example.com"], OK, excluded=["corp.test"])
    constrained("excluded within permitted", ["x.a.corp.test"], bad, permitted=["corp.test"], excluded=["a.corp.test"])
    constrained("in capitals", ["A.CORP.test"], OK, permitted=["corp.TEST"], host="a.corp.test")
    constrained("wildcard, permitted", ["*.corp.test"], OK, permitted=["corp.test"], host="a.corp.test")
    constrained("addresses permitted", ["10.1.2.3"], OK, permitted=["10.0.0.0/8"])
    constrained("addresses not permitted", ["192.0.2.1"], bad, permitted=["10.0.0.0/8"])
    constrained("addresses excluded", ["10.1.2.3"], bad, excluded=["10.0.0.0/8"])
    constrained("IPv6 not permitted", ["2001:db8::1"], bad, permitted=["fd00::/8"])
    constrained("IPv6 permitted", ["fd00::1"], OK, permitted=["fd00::/8"])
    constrained("only of DNS names, and an address", ["192.0.2.1"], OK, permitted=["corp.test"])
    constrained("mail", ["example.com", "@x@evil.test"], bad, permitted=["@corp.test"], host="example.com")
    constrained("mail, permitted", ["example.com", "@x@corp.test"], OK, permitted=["@corp.test"], host="example.com")
    constrained("URI", ["example.com", "https://evil.test/"], bad, permitted=[x509.UniformResourceIdentifier("corp.test")],
                host="example.com")
    constrained("directory names", ["example.com", "dn:corp"], bad, excluded=["dn:corp"], host="example.com")
    constrained("the CN is no name", ["example.com"], OK, excluded=["corp.test"], subject=subject_of("a.corp.test"))
    limited = ca("limited root", permitted=["corp.test"])
    sub = ca("sub", limited)
    refused = (CONSTRAINTS[0], "no CA certificate can be parsed")
    case("name constraints: of the root", [leaf(sub), sub], [limited], refused)
    above = ca("above", root, permitted=["corp.test"], nc_critical=False)
    middle = ca("middle", above)
    case("name constraints: two CAs above", [leaf(middle), middle, above], [root], CONSTRAINTS)


# What mbedTLS does not read; libcrypto does.
strange_names = {"an empty directory name": b"\xa4\2\x30\0", "an address of five bytes": b"\x87\5abcde"}


def raw_san(other, dns):
    names = other + b"\x82" + bytes([len(dns)]) + dns.encode()
    return raw_extension("2.5.29.17", b"\x30" + bytes([len(names)]) + names)


def name_cases():
    root = ca("root")

    def named(name, san, host, want=OK, **options):
        case("names: " + name, [leaf(root, san=san, **options)], [root], want, host=host)

    in_cn, suffix = "stands only in the CN", "a wildcard for all of a public suffix"
    named("only in the CN", None, HOST, in_cn, subject=subject_of(HOST))
    named("in the CN beside others", ["other.test"], HOST, in_cn, subject=subject_of(HOST))
    named("a wildcard in the CN", None, "a.example.com", in_cn, subject=subject_of("*.example.com"))
    named("in capitals", ["EXAMPLE.com"], HOST)
    named("another host", ["example.org"], HOST, "wanted example.com, the certificate is for example.org")
    named("below", ["a.example.com"], HOST, MISMATCH)
    named("above", [HOST], "a.example.com", MISMATCH)
    named("wildcard", ["*.example.com"], "a.example.com")
    named("wildcard, and no label", ["*.example.com"], HOST, MISMATCH)
    named("wildcard, and two labels", ["*.example.com"], "a.b.example.com", MISMATCH)
    named("wildcard within a label", ["f*.example.com"], "foo.example.com", MISMATCH)
    named("wildcard in the middle", ["a.*.com"], "a.example.com", MISMATCH)
    named("two wildcards", ["*.*.com"], "a.example.com", MISMATCH)
    named("wildcard alone", ["*"], "localhost", MISMATCH)
    named("wildcard over a top-level name", ["*.com"], HOST, suffix)
    named("wildcard over a public suffix", ["*.co.uk"], "example.co.uk", suffix if has_libpsl() else OK)
    named("wildcard over a private suffix", ["*.github.io"], "example.github.io")
    named("wildcard beside the name", ["*.com", HOST], HOST)
    named("wildcard and A-labels", ["*.example.com"], "xn--bcher-kva.example.com")
    named("A-labels", ["xn--bcher-kva.example"], "xn--bcher-kva.example")
    named("an A-label and its ASCII letters", ["bcher.example"], "xn--bcher-kva.example", MISMATCH)
    named("a final dot in the certificate", ["example.com."], HOST, MISMATCH)
    named("a NUL", [raw_dns("example.com\0.evil.test")], HOST, MISMATCH)
    named("a space", [raw_dns("example.com ")], HOST, MISMATCH)
    named("empty", [raw_dns("")], HOST, MISMATCH)
    named("address", ["192.0.2.1"], "192.0.2.1")
    named("another address", ["192.0.2.1"], "192.0.2.2", MISMATCH)
    named("IPv6", ["2001:db8::1"], "2001:db8::1")
    named("an address as DNS name", [raw_dns("192.0.2.1")], "192.0.2.1", "as a DNS name and not as an IP address")
    named("an address in the CN", None, "192.0.2.1", MISMATCH, subject=subject_of("192.0.2.1"))
    named("a wildcard and an address", [raw_dns("*.0.2.1")], "192.0.2.1", MISMATCH)
    named("an IPv4 address as IPv6", ["192.0.2.1"], "::ffff:192.0.2.1")
    named("the same in the certificate", ["::ffff:192.0.2.1"], "::ffff:192.0.2.1")
    named("another address as IPv6", ["192.0.2.1"], "::ffff:192.0.2.2", MISMATCH)
    named("an address at the end of an IPv6 one", ["192.0.2.1"], "2001:db8::192.0.2.1", MISMATCH)
    for word, general_name in strange_names.items():
        case("names: beside " + word, [leaf(root, san=None, more=[raw_san(general_name, HOST)])], [root], (OK, "cannot be read"))
        case("names: beside " + word + ", and another", [leaf(root, san=None, more=[raw_san(general_name, "other.test")])], [root],
             (MISMATCH, "cannot be read"))
    named("no subject", [HOST], HOST, subject=subject_of(""), san_critical=True)
    named("200 names", [f"host-{i}.example.com" for i in range(200)] + [HOST], HOST)


def sha1_cases(root):
    case("SHA-1", [leaf(root, hash_=hashes.SHA1())], [root], WEAK_HASH)
    case("SHA-1 of an intermediate", [leaf(x := ca("sub", root, hash_=hashes.SHA1())), x], [root], WEAK_HASH)
    case("SHA-1 of the root's own signature", [leaf(x := ca("root", hash_=hashes.SHA1()))], [x])


def key_cases(folder):
    root = ca("root")
    case("RSA 2048", [leaf(root, key="rsa2048")], [root])
    case("RSA 1024", [leaf(root, key="rsa1024")], [root], WEAK_KEY)
    case("RSA 3072 as CA", [leaf(x := ca("sub", root, key="rsa3072")), x], [root])
    case("RSA 1024 as CA", [leaf(x := ca("sub", root, key="rsa1024")), x], [root], WEAK_KEY)
    case("RSA 1024 as root", [leaf(x := ca("root", key="rsa1024"))], [x], WEAK_KEY)
    case("P-384", [leaf(root, key="p384")], [root])
    case("P-521", [leaf(root, key="p521")], [root])
    case("P-521 as CA", [leaf(x := ca("sub", root, key="p521")), x], [root])
    case("P-224 as CA", [leaf(x := ca("sub", root, key="p224")), x], [root], WEAK_KEY)
    case("P-192", [leaf(root, key="p192")], [root], "weak key")
    case("brainpool", [leaf(root, key="bp256")], [root])
    case("brainpool as CA", [leaf(x := ca("sub", root, key="bp256")), x], [root])
    case("Ed25519", [leaf(root, key="ed25519")], [root], KEY, mbedtls="cannot be read")
    case("Ed25519 as CA", [leaf(x := ca("sub", root, key="ed25519")), x], [root], (OK, "cannot be read"))
    case("Ed448 as CA", [leaf(x := ca("sub", root, key="ed448")), x], [root], (OK, "cannot be read"))
    case("DSA as CA", [leaf(x := ca("sub", root, key="dsa")), x], [root], ("key of a kind that is not accepted", "cannot be read"))
    if signs_by_sha1():
        sha1_cases(root)
    else:
        print("left out: signatures by SHA-1, which this python3-cryptography does not make")
    case("SHA-512", [leaf(root, hash_=hashes.SHA512())], [root])
    rsa_root = ca("rsa root", key="rsa2048")
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sha256"]
    case("signed with RSA-PSS", [by_openssl(folder, "pss", rsa_root, "subjectAltName=DNS:example.com\n", pss)], [rsa_root])
    pss_key = ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]
    case("a key for RSA-PSS only", [by_openssl(folder, "psskey", root, "subjectAltName=DNS:example.com\n", key_arguments=pss_key)],
         [root], KEY, mbedtls="cannot be read")
    own_curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"]
    case("a curve of its own", [by_openssl(folder, "curve", root, "subjectAltName=DNS:example.com\n", key_arguments=own_curve)],
         [root], "key of a kind that is not accepted", mbedtls="cannot be read")


def broken_cases():
    root = ca("root")
    one = leaf(root)
    unreadable = "cannot be read"
    case("cut in half", [one.changed(lambda d: d[:len(d) // 2])], [root], unreadable)
    case("no DER", [one.changed(lambda d: bytes(len(d)))], [root], unreadable)
    case("something behind it", [one.changed(lambda d: d + b"\0\0")], [root], unreadable)
    case("a length that is too long", [one.changed(lambda d: d[:2] + b"\xff\xff" + d[4:])], [root], unreadable)
    case("one bit of the signature", [one.changed(lambda d: d[:-1] + bytes([d[-1] ^ 1]))], [root], SIGNATURE)
    case("an extension twice", [leaf(root, more=[raw_extension("2.5.29.17.1", b"\x30\0"), unknown(False)])], [root])
    bad_san = raw_extension("2.5.29.17", b"\x30\x03\x82\x05a")
    case("subjectAltName that is none", [leaf(root, san=None, more=[bad_san])], [root], MISMATCH, mbedtls=unreadable)
    bad_constraints = raw_extension("2.5.29.19", b"\x04\x01\x01", True)
    broken_ca = make("sub", root, more=[bad_constraints], usage=("key_cert_sign",))
    case("basicConstraints that are none", [leaf(broken_ca), broken_ca], [root], "does not fit (invalid or inconsistent certificate extension)",
         mbedtls=unreadable)
    twice = "is there twice"
    case("keyUsage that is none", [leaf(root, usage=None, more=[raw_extension("2.5.29.15", b"\5\0", True)])], [root], twice,
         mbedtls=unreadable)
    case("extendedKeyUsage that is none", [leaf(root, more=[raw_extension("2.5.29.37", b"\4\0")])], [root], twice, mbedtls=unreadable)
    case("authorityKeyIdentifier that is none", [leaf(root, key_id=False, more=[raw_extension("2.5.29.35", b"\5\0")])], [root], twice,
         mbedtls=unreadable)
    stray = (x509.AuthorityKeyIdentifier(b"another one", None, None), False)
    stray_text = "does not fit (authority and subject key identifier mismatch)"
    case("key identifier of another anchor", [leaf(root, key_id=False, more=[stray])], [root], stray_text, mbedtls=OK)
    sub = ca("sub", root, key_id=False, more=[stray])
    case("key identifier of another anchor, of an intermediate", [leaf(sub), sub], [root], stray_text, mbedtls=OK)
    case("an intermediate cut in half", [leaf(x := ca("sub", root)), x.changed(lambda d: d[:300])], [root], UNKNOWN_ISSUER)


def crl_cases():
    root = ca("root")
    sub = ca("sub", root)
    one = leaf(sub)
    empty, of_root = crl(sub), crl(root)
    case("revoked", [one, sub], [root], "revoked", crls=[crl(sub, [one]), of_root])
    case("another is revoked", [one, sub], [root], crls=[crl(sub, [leaf(sub)]), of_root])
    case("the intermediate is revoked", [one, sub], [root], "revoked", crls=[empty, crl(root, [sub])])
    case("a list of the leaf's issuer only", [one, sub], [root], crls=[empty])
    case("a list of another CA", [one, sub], [root], crls=[crl(ca("another"))])
    case("expired list", [one, sub], [root], "revocation list expired", crls=[crl(sub, last=-9 * DAY, following=-DAY)])
    case("list not yet valid", [one, sub], [root], "revocation list not yet valid", crls=[crl(sub, last=DAY, following=9 * DAY)])
    case("list with a wrong signature", [one, sub], [root], "revocation list not trusted", crls=[crl(sub, signer=root)])
    twin = make("sub", root, key=sub.key, is_ca=True, key_id=False, usage=["key_cert_sign"])
    case("revoked, and its issuer has two certificates", [one, sub, twin], [root], "revoked", crls=[crl(sub, [one])])
    case("revoked, unordered", [x := leaf(low := ca("low", sub)), sub, low], [root], "revoked", crls=[crl(low, [x])])


def has_libpsl():
    return b"libpsl" in subprocess.run(["ldd", JUDGE], capture_output=True, check=True).stdout


def write(folder, number):
    chain, anchors, _, _, _, crls, hashed = cases[list(cases)[number]]
    for i, cert in enumerate(chain):
        with open(os.path.join(folder, f"{i}.der"), "wb") as f:
            f.write(cert.der())
    if hashed:
        os.mkdir(os.path.join(folder, "anchors"))
        for i, anchor in enumerate(anchors):
            with open(os.path.join(folder, "anchors", f"{i}.pem"), "wb") as f:
                f.write(anchor.cert.public_bytes(PEM))
        subprocess.run(["openssl", "rehash", os.path.join(folder, "anchors")], check=True, capture_output=True)
    else:
        with open(os.path.join(folder, "anchors.pem"), "wb") as f:
            f.write(b"".join(anchor.cert.public_bytes(PEM) for anchor in anchors))
    if crls:
        with open(os.path.join(folder, "crls.pem"), "wb") as f:
            f.write(b"".join(crls))


def problem(want, line):
    code, text = line.split(" ", 1)
    if want is OK:
        return None if code == "0" else f"wanted: accepted; got {line}"
    if int(code) != REFUSED:
        return f"wanted {REFUSED} ({want}); got {line}"
    if want not in text:
        return f"'{want}' is not in: {text}"
    return None if text.startswith(("no CA", "the chain")) or "(subject" in text else f"no subject in: {text}"


def main():
    with tempfile.TemporaryDirectory() as top:
        usual_cases()
        building_cases()
        way_cases()
        ca_cases(top)
        client_cases()
        constraint_cases()
        name_cases()
        key_cases(top)
        broken_cases()
        crl_cases()
        names = [name for name in cases if len(sys.argv) < 4 or name in sys.argv[3:]]
        lines = []
        for name in names:
            folder = os.path.join(top, str(len(lines)))
            os.mkdir(folder)
            write(folder, list(cases).index(name))
            lines.append(f"{cases[name][4]} {cases[name][3]} {folder}\n")
        done = subprocess.run([JUDGE], input="".join(lines), capture_output=True, text=True, errors="replace", timeout=250)
        said = done.stdout.splitlines()
        if done.returncode or len(said) != len(names):
            sys.exit(f"{JUDGE}: {done.returncode}, {len(said)} of {len(names)} cases\n{done.stderr}")
    wrong = 0
    for name, line in zip(names, said):
        found = problem(cases[name][2], line)
        wrong += found is not None
        if found or len(sys.argv) > 3:
            print(f"{name}: {found or line}")
    print(f"{len(names)} chains, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
