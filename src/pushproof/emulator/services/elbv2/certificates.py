"""Certificates of HTTPS listeners, from ACM or IAM, with those private keys that passed the gateway.

No AWS API returns the private key of an imported certificate. The gateway therefore notes keys as ImportCertificate and
UploadServerCertificate pass through it, by the certificate they belong to. For a certificate whose key never passed (for example
one that ACM issued) the listener presents a self-signed replacement for the same names, and the log reports it.
"""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from pushproof.aws.arns import region_of
from pushproof.emulator.kernel.balancing import Certificate
from pushproof.emulator.kernel.context import Call
from pushproof.emulator.kernel.errors import AwsError

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)


class Certificates:
    """Lookup of certificates by ARN."""

    def __init__(self, site: Site) -> None:
        self._site = site
        # Private key and whole chain in PEM, by the public key of the certificate that they belong to. The chain is the imported
        # one:
        # substrates invent one if there was none.
        self._imports: dict[bytes, tuple[str, str]] = {}
        self._stand_ins: dict[str, Certificate] = {}
        site.calls.observe("acm", self._imported, "ImportCertificate")
        site.calls.observe("iam", self._uploaded, "UploadServerCertificate")

    def check(self, arn: str) -> None:
        """Raise AwsError unless the certificate exists and can serve a listener."""
        if ":acm:" in arn:
            acm = self._site.substrate.client("acm", region_of(arn))
            try:
                status = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"]
            except ClientError as error:
                raise _not_found(arn) from error
            if status != "ISSUED":
                raise AwsError(
                    "UnsupportedCertificate",
                    f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, "
                    f"and a supported key size, and be issued; its status is {status}",
                )
        else:
            self._pem(arn)

    def find(self, arn: str) -> Certificate:
        """Return the certificate with a matching key: the real one, or a replacement for the same names. Raises AwsError."""
        chain = self._pem(arn)
        leaf = x509.load_pem_x509_certificate(chain.encode())
        imported = self._imports.get(_fingerprint(leaf.public_key()))
        if imported is not None:
            key, chain = imported
            return Certificate(arn, chain, key)
        if arn not in self._stand_ins:
            log.warning(
                "the private key of %s was never imported through this endpoint: "
                "its listener presents a self-signed certificate for the same names",
                arn,
            )
            self._stand_ins[arn] = _stand_in(arn, leaf)
        return self._stand_ins[arn]

    def _pem(self, arn: str) -> str:
        try:
            if ":acm:" in arn:
                acm = self._site.substrate.client("acm", region_of(arn))
                answer = acm.get_certificate(CertificateArn=arn)
                return _chain(answer["Certificate"], answer.get("CertificateChain"))
            if ":server-certificate/" in arn:
                iam = self._site.substrate.client("iam", self._site.region)
                server = iam.get_server_certificate(ServerCertificateName=arn.rpartition("/")[2])["ServerCertificate"]
                return _chain(server["CertificateBody"], server.get("CertificateChain"))
        except ClientError as error:
            raise _not_found(arn) from error
        raise _not_found(arn)

    def _imported(self, call: Call) -> None:
        if call.status < 400:
            request = call.request
            self._note(request.get("Certificate"), request.get("PrivateKey"), request.get("CertificateChain"))

    def _uploaded(self, call: Call) -> None:
        if call.status < 400:
            request = call.request
            self._note(request.get("CertificateBody"), request.get("PrivateKey"), request.get("CertificateChain"))

    def _note(self, certificate: bytes | str | None, key: bytes | str | None, chain: bytes | str | None) -> None:
        if certificate and key:
            leaf = _bytes(certificate)
            try:
                public = _fingerprint(x509.load_pem_x509_certificate(leaf).public_key())
            except ValueError as error:
                # No listener can present it.
                log.debug("a certificate cannot be read: %s", error)
                return
            self._imports[public] = (_bytes(key).decode(), _chain(leaf.decode(), _bytes(chain or b"").decode()))


def _not_found(arn: str) -> AwsError:
    return AwsError("CertificateNotFound", f"Certificate '{arn}' not found")


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _chain(leaf: str, rest: str | None) -> str:
    return leaf.strip() + "\n" + (rest.strip() + "\n" if rest and rest.strip() else "")


def _fingerprint(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _stand_in(arn: str, original: x509.Certificate) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(original.subject)
        .issuer_name(original.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
    )
    try:
        names = original.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(names.value, critical=False)
    except x509.ExtensionNotFound:
        log.debug("%s has no alternative names; neither has its replacement", arn)
    made = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(arn, made.public_bytes(serialization.Encoding.PEM).decode(), pem.decode())
