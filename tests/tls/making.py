# SPDX-License-Identifier: Apache-2.0
"""Makes certificates of every kind for chains.py, good and bad ones."""
import datetime
import warnings
import ipaddress
import os
import subprocess

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, ed448, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID, ObjectIdentifier as OID

warnings.simplefilter("ignore")  # of SHA-1
NOW = datetime.datetime.utcnow().replace(microsecond=0)
DAY = datetime.timedelta(days=1)
SERVER, CLIENT, EMAIL, ANY = EKU.SERVER_AUTH, EKU.CLIENT_AUTH, EKU.EMAIL_PROTECTION, OID("2.5.29.37.0")
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
UNKNOWN = OID("1.3.6.1.4.1.55555.1")

_rsa = {}


def make_key(kind="p256"):
    """RSA keys are made once for each size: they take long, and nothing depends on them."""
    if kind.startswith("rsa"):
        bits = int(kind[3:])
        if bits not in _rsa:
            _rsa[bits] = rsa.generate_private_key(65537, bits)
        return _rsa[bits]
    if kind == "dsa":
        return dsa.generate_private_key(2048)
    if kind in ("ed25519", "ed448"):
        return {"ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}[kind].generate()
    curve = {"p192": ec.SECP192R1, "p224": ec.SECP224R1, "p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1,
             "bp256": ec.BrainpoolP256R1}[kind]
    return ec.generate_private_key(curve())


def raw_dns(value):
    """A DNS name as it is, though it is none."""
    return x509.DNSName._init_without_validation(value)


def general(name):
    """ "1.2.3.4" and "::1" are addresses, "@host" is an e-mail address, "a://b" a URI, all else are DNS names."""
    if isinstance(name, x509.GeneralName):
        return name
    if name.startswith("dn:"):
        return x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[3:])]))
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    if "@" in name:
        return x509.RFC822Name(name.lstrip("@"))
    try:
        return x509.IPAddress(ipaddress.ip_network(name) if "/" in name else ipaddress.ip_address(name))
    except ValueError:
        return raw_dns(name)


class Cert:
    def __init__(self, key, cert, name):
        self.key, self.cert, self.name = key, cert, name

    def der(self):
        return self.cert if isinstance(self.cert, bytes) else self.cert.public_bytes(DER)

    def changed(self, change):
        """A copy with other bytes."""
        return Cert(self.key, change(self.der()), self.name)


def subject_of(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def make(name, issuer=None, key="p256", san=None, is_ca=None, pathlen=None, bc=True, usage="default", eku=None, start=-DAY,
         end=30 * DAY, permitted=None, excluded=None, nc_critical=True, more=(), hash_=None, signer=None, key_id=True,
         san_critical=False, subject=None, serial=None):
    """One certificate; without an issuer it is self-signed. `signer`: another key signs than the issuer's."""
    private = key if not isinstance(key, str) else make_key(key)
    issuer_key = signer.key if signer else issuer.key if issuer else private
    issuer_name = issuer.cert.subject if issuer else subject if subject is not None else subject_of(name)
    b = (x509.CertificateBuilder().subject_name(subject if subject is not None else subject_of(name)).issuer_name(issuer_name)
         .public_key(private.public_key()).serial_number(serial or x509.random_serial_number())
         .not_valid_before(NOW + start).not_valid_after(NOW + end))
    if bc and (is_ca is not None):
        b = b.add_extension(x509.BasicConstraints(is_ca, pathlen if is_ca else None), True)
    if usage == "default":
        usage = ("key_cert_sign", "crl_sign") if is_ca else ("digital_signature",)
    if usage is not None:
        every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
        b = b.add_extension(x509.KeyUsage(**{word: word in usage for word in every}), True)
    if eku:
        b = b.add_extension(x509.ExtendedKeyUsage(list(eku)), False)
    if san:
        b = b.add_extension(x509.SubjectAlternativeName([general(n) for n in san]), san_critical)
    if permitted or excluded:
        b = b.add_extension(x509.NameConstraints([general(n) for n in permitted or ()] or None,
                                                 [general(n) for n in excluded or ()] or None), nc_critical)
    if key_id:
        b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False)
        if issuer:
            b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
    for extension, critical in more:
        b = b.add_extension(extension, critical)
    without = isinstance(issuer_key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    return Cert(private, b.sign(issuer_key, None if without else hash_ or hashes.SHA256()), name)


def signs_by_sha1():
    """Newer releases of cryptography do not."""
    try:
        make("sha1", hash_=hashes.SHA1())
    except UnsupportedAlgorithm:
        return False
    return True


def ca(name, issuer=None, **options):
    return make(name, issuer, is_ca=options.pop("is_ca", True), **options)


def leaf(issuer, san=("example.com",), **options):
    return make(options.pop("name", "leaf"), issuer, san=san, **options)


def crl(issuer, revoked=(), last=-DAY, following=7 * DAY, signer=None):
    b = (x509.CertificateRevocationListBuilder().issuer_name(issuer.cert.subject).last_update(NOW + last)
         .next_update(NOW + following))
    for cert in revoked:
        b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(cert.cert.serial_number)
                                      .revocation_date(NOW - DAY).build())
    return b.sign((signer or issuer).key, hashes.SHA256()).public_bytes(PEM)


def unknown(critical):
    return (x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00"), critical)


def raw_extension(oid, der, critical=False):
    return (x509.UnrecognizedExtension(OID(oid), der), critical)


def by_openssl(folder, name, issuer, text, arguments=(), key_arguments=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """What `cryptography` does not make; text = the extensions, None = a certificate of version 1."""
    path = os.path.join(folder, name)
    with open(path + ".ca", "wb") as f:
        f.write(issuer.cert.public_bytes(PEM))
    with open(path + ".cakey", "wb") as f:
        f.write(issuer.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    subprocess.run(["openssl", "req", *key_arguments, "-nodes", "-keyout", path + ".key", "-out", path + ".csr", "-subj",
                    "/CN=" + name], check=True, capture_output=True)
    extensions = []
    if text is not None:
        with open(path + ".ext", "w") as f:
            f.write(text)
        extensions = ["-extfile", path + ".ext"]
    subprocess.run(["openssl", "x509", "-req", "-in", path + ".csr", "-CA", path + ".ca", "-CAkey", path + ".cakey", "-set_serial",
                    "7", "-days", "20", "-out", path + ".pem", *extensions, *arguments], check=True, capture_output=True)
    with open(path + ".pem", "rb") as f:
        cert = x509.load_pem_x509_certificate(f.read())
    key = None
    if text is None:  # it may issue another one
        with open(path + ".key", "rb") as f:
            key = serialization.load_pem_private_key(f.read(), None)
    return Cert(key, cert, name)
