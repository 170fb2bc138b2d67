"""TLS of a listener: contexts from PEM, one for each certificate, and the choice among them by server name."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from pushproof.emulator.kernel.balancing import Certificate, CertificateError
from pushproof.emulator.kernel.quiet import no_warning_decides
from pushproof.engines.loadbalancing import certificate_for
from pushproof.engines.tlspolicy import TlsPolicy

_VERSIONS = {
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1": ssl.TLSVersion.TLSv1,
}


class TlsServer:
    """Presents the right certificate under a policy; both can change while connections are open.

    `context` is the one to listen with: an SSL object takes versions and ciphers from it, and only the certificate from the
    context that the server name selects.
    """

    def __init__(
        self, certificates: Sequence[Certificate], policy: TlsPolicy, alpn: Sequence[str] = ("http/1.1",)
    ) -> None:
        """Set up. `alpn`: the protocols to negotiate; without any, nothing is negotiated."""
        self._alpn = list(alpn)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._alpn:
            self.context.set_alpn_protocols(self._alpn)
        self.context.sni_callback = self._select
        self._contexts: list[ssl.SSLContext] = []
        self._names: list[tuple[str, ...]] = []
        self.update(certificates, policy)

    def update(self, certificates: Sequence[Certificate], policy: TlsPolicy) -> None:
        """Use these for future handshakes. Raises CertificateError and changes nothing if one cannot be used."""
        if not certificates:
            raise CertificateError("an HTTPS listener needs a certificate; pass at least the default one")
        contexts = [_context(certificate, self._alpn) for certificate in certificates]
        names = [certificate_names(certificate) for certificate in certificates]
        apply_policy(self.context, policy)
        # A handshake without a server name uses the listening context's own certificate.
        _load(self.context, certificates[0])
        self._contexts, self._names = contexts, names

    def _select(self, connection: ssl.SSLObject, server_name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self._contexts[certificate_for(server_name, self._names)]


def apply_policy(context: ssl.SSLContext, policy: TlsPolicy) -> None:
    """Restrict a context to a policy's protocol versions and ciphers (TLS 1.3 suites are OpenSSL's own)."""
    versions = [_VERSIONS[name] for name in policy.protocols]
    legacy = min(versions) < ssl.TLSVersion.TLSv1_2
    ciphers = [name for name in policy.ciphers if not name.startswith("TLS_")]
    if ciphers:
        # OpenSSL refuses TLS 1.0 and 1.1 above security level 0; a policy that allows them intends to.
        context.set_ciphers(":".join(ciphers) + (":@SECLEVEL=0" if legacy else ""))
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    # Python warns of TLS 1.0 and 1.1; a policy that allows them intends to.
    with no_warning_decides():
        context.minimum_version = min(versions)
        context.maximum_version = max(versions)


def certificate_names(certificate: Certificate) -> tuple[str, ...]:
    """Return the DNS names of a certificate's leaf: its subject alternative names, or else its common name."""
    try:
        leaf = x509.load_pem_x509_certificate(certificate.chain.encode())
    except ValueError as error:
        raise CertificateError(f"{certificate.arn}: not a PEM certificate: {error}") from error
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        return tuple(str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def _context(certificate: Certificate, alpn: Sequence[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    _load(context, certificate)
    return context


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    # OpenSSL, as Python wraps it, reads certificates from files only: from a private one that exists for a moment.
    descriptor, path = tempfile.mkstemp(prefix="pushproof-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(certificate.private_key.strip() + "\n" + certificate.chain.strip() + "\n")
        context.load_cert_chain(path)
    except (ssl.SSLError, OSError) as error:
        raise CertificateError(
            f"{certificate.arn}: certificate and private key cannot be used together: {error}; "
            "import the leaf's unencrypted private key with its chain, leaf first"
        ) from error
    finally:
        os.unlink(path)
