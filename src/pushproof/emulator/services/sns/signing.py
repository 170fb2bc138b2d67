"""Signatures of SNS's documents, with a key of this process.

Only AWS has AWS's key: a receiver that checks whether SigningCertURL is amazonaws.com rejects these.
"""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def certificate() -> bytes:
    """Return the certificate behind SigningCertURL, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .sign(_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@functools.cache
def certificate_name() -> str:
    """Return `SimpleNotificationService-<32 digits>.pem`."""
    return f"SimpleNotificationService-{hashlib.md5(certificate(), usedforsecurity=False).hexdigest()}.pem"


def sign(text: str, version: str) -> str:
    """Return the signature of a text: SHA-1 for version 1, SHA-256 for version 2."""
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    return base64.b64encode(_key().sign(text.encode(errors="surrogatepass"), padding.PKCS1v15(), algorithm)).decode()
