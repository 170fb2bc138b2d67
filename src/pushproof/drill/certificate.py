"""The load balancer's certificate: made here and self-signed, or one that ACM has. A key leaves this machine for ACM only."""

from __future__ import annotations

import datetime
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from types_boto3_acm import ACMClient

_KEY_USAGE = x509.KeyUsage(
    digital_signature=True, key_cert_sign=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """PEM texts of a certificate and its key, and the host name it is for."""

    host: str
    certificate: str
    private_key: str


@dataclass(frozen=True, slots=True)
class Trust:
    """The host name of a certificate, and certificates (PEM) to trust besides the system's authorities."""

    host: str
    certificates: str


def trust(acm: ACMClient, arn: str) -> Trust:
    """Return what a client needs to verify a certificate in ACM. Raises ClientError.

    The host is the certificate's first full name; `drill` below a wildcard, where it has no other. The client trusts the
    certificate itself, whoever signed it. It needs no chain: LocalStack answers with another certificate's, which does not parse.
    Source: https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html
    """
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    names = list(dict.fromkeys([described["DomainName"], *described.get("SubjectAlternativeNames", [])]))
    host = next((name for name in names if "*" not in name), names[0].replace("*", "drill", 1))
    return Trust(host, acm.get_certificate(CertificateArn=arn)["Certificate"].strip() + "\n")


def kept_self_signed(host: str, *, least_days: int = 7) -> SelfSigned:
    """Return a self-signed certificate for `host` that runs of this user share, valid for `least_days` at least.

    The same certificate has the same ARN in every emulated world, so that what depends on it can be kept.
    """
    from pushproof.targets.kept.store import KeptWorlds

    store, name = KeptWorlds(), f"certificate-{hashlib.sha256(host.encode()).hexdigest()}"
    text = store.recall(name)
    if text is not None:
        kept = SelfSigned(**json.loads(text))
        end = x509.load_pem_x509_certificate(kept.certificate.encode()).not_valid_after_utc
        if end - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=least_days):
            return kept
    made = self_signed(host)
    store.remember(name, json.dumps(asdict(made)))
    return made


def self_signed(host: str, *, days: int = 30) -> SelfSigned:
    """Return a P-256 certificate for `host`, valid from yesterday for `days` days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # Python 3.13 verifies strictly: an authority says what its key is for, and which key it is.
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return SelfSigned(
        host,
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
