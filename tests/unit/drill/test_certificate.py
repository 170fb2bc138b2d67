"""A client verifies the load balancer's certificate by its name and issuer, whatever the certificate, and accepts no other."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pushproof.base.clock import ScaledClock
from pushproof.base.target import Address
from pushproof.drill.certificate import SelfSigned, self_signed, trust
from pushproof.drill.prober import Front, wait_for_version
from pushproof.drill.settings import ProofFailed


class Acm:
    """ACM with one certificate."""

    def __init__(self, made: SelfSigned, *names: str) -> None:
        self._made, self._names = made, list(names)

    def describe_certificate(self, **_: Any) -> dict[str, Any]:
        return {"Certificate": {"DomainName": self._names[0], "SubjectAlternativeNames": self._names}}

    def get_certificate(self, **_: Any) -> dict[str, Any]:
        # LocalStack's chain is not the certificate's, and its last line is indented.
        chain = "-----BEGIN CERTIFICATE-----\nMIIESTCCAzGgAwIB\n -----END CERTIFICATE-----\n"
        return {"Certificate": self._made.certificate, "CertificateChain": chain}


@pytest.fixture
def made() -> SelfSigned:
    return self_signed("shop.example.test")


@pytest.fixture
def port(made: SelfSigned, tmp_path: Path) -> Iterator[int]:
    """A TLS server with that certificate."""
    (tmp_path / "key.pem").write_text(made.private_key)
    (tmp_path / "cert.pem").write_text(made.certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(accepted, server_side=True) as session:
                    session.recv(1)
            except OSError:
                accepted.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def front(port: int, host: str, certificates: str) -> Front:
    return Front(lambda: Address("127.0.0.1", port), host, certificates)


def test_the_certificate_in_acm_is_believed(made: SelfSigned, port: int) -> None:
    """By its own name, with what ACM says it is, whatever chain comes with it."""
    known = trust(Acm(made, "shop.example.test"), "arn")
    front(port, known.host, known.certificates).connect().close()


def test_a_wait_that_times_out_says_what_was_answered_last(port: int) -> None:
    """A certificate that nobody believes does not look like a service that does not start."""
    other = self_signed("shop.example.test")
    never = front(port, other.host, other.certificate)
    with pytest.raises(
        ProofFailed, match=r"waiting for 0123456 to answer\. Last state: SSLCertVerificationError: .*verify failed"
    ):
        wait_for_version(never, "0123456789", clock=ScaledClock(60.0), within=0.2)


def test_it_stands_strict_verification(made: SelfSigned, port: int) -> None:
    """Python 3.13 verifies strictly by default; what is made here passes."""
    context = ssl.create_default_context(cadata=made.certificate)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=made.host) as session,
    ):
        assert session.version() in ("TLSv1.2", "TLSv1.3")


def test_another_certificate_of_the_same_name_is_not_believed(port: int) -> None:
    """The name alone proves nothing."""
    other = self_signed("shop.example.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        front(port, other.host, other.certificate).connect()


def test_the_certificate_is_not_believed_under_another_name(made: SelfSigned, port: int) -> None:
    """A request for another host is refused."""
    with pytest.raises(ssl.SSLCertVerificationError, match=r"shop\.example\.org"):
        front(port, "shop.example.org", made.certificate).connect()


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["shop.example.org"], "shop.example.org"),
        (["*.example.org", "example.org"], "example.org"),
        (["*.example.org"], "drill.example.org"),
    ],
)
def test_a_full_name_is_asked_for(made: SelfSigned, names: list[str], host: str) -> None:
    """Of a wildcard alone, one of the names that it covers."""
    assert trust(Acm(made, *names), "arn").host == host
