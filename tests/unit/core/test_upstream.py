"""Another emulator by URL: allowed addresses, the account of calls, and the explanation when it is gone."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.substrate.moto import UpstreamSubstrate, require_private

ACCOUNT = "210987654321"


class Recorder:
    """Answers every call alike in place of an emulator, and records the calls."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @Request.application
    def app(self, request: Request) -> Response:
        self.requests.append((request.headers.get("Authorization", ""), request.full_path, request.get_data()))
        return Response('{"TableNames": ["locks"]}', content_type="application/x-amz-json-1.0")


@pytest.fixture
def emulator() -> Iterator[Recorder]:
    import threading

    recorder = Recorder()
    thread = threading.Thread(target=recorder.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield recorder
    recorder.server.shutdown()
    thread.join()
    recorder.server.server_close()


def test_calls_are_made_in_the_worlds_account(emulator: Recorder) -> None:
    """Calls carry the account's number if the emulator separates accounts by the access key."""
    substrate = UpstreamSubstrate(emulator.url, ACCOUNT)
    assert substrate.client("dynamodb", "eu-west-1").list_tables()["TableNames"] == ["locks"]
    assert f"Credential={ACCOUNT}/" in emulator.requests[0][0]
    substrate.close()


@pytest.mark.parametrize(
    ("key", "arrives_as"),
    [
        ("pushproof", ACCOUNT),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("LSIAQAAAAAAAB2XZABCD", "LSIAQAAAAAAAB2XZABCD"),
    ],
)
def test_keys_that_the_emulator_issued_stay(emulator: Recorder, key: str, arrives_as: str) -> None:
    """Issued keys represent a user or a session of the emulator; any other key is the account's."""
    from moto.core.request import Request as Forwarded

    substrate = UpstreamSubstrate(emulator.url, ACCOUNT)
    scope = "20261123/eu-west-1/s3/aws4_request"
    substrate.handle(
        Forwarded.from_primitives(
            "GET",
            f"http://127.0.0.1/bucket?X-Amz-Credential={key}%2F20261123%2Feu-west-1%2Fs3%2Faws4_request",
            {"Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host, Signature=0"},
            b"",
        )
    )
    header, path, _ = emulator.requests[0]
    assert header.startswith(f"AWS4-HMAC-SHA256 Credential={arrives_as}/{scope},")
    assert f"X-Amz-Credential={arrives_as}%2F20261123" in path or f"X-Amz-Credential={arrives_as}/20261123" in path
    substrate.close()


def test_an_emulator_that_is_gone_is_explained() -> None:
    """The error contains the target's explanation if nothing answers, with a status that SDKs do not retry."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    substrate = UpstreamSubstrate(f"http://127.0.0.1:{port}", ACCOUNT, explain=lambda: "the container was killed")
    with pytest.raises(AwsError, match="the container was killed") as raised:
        substrate.client("sns", "eu-west-1").list_topics()
    assert raised.value.status == 400
    substrate.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:4566", "http://10.1.2.3:4566", "http://[::1]:4566"]
)
def test_private_addresses_are_taken(url: str) -> None:
    """This machine and private networks may hold an emulator."""
    require_private(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://8.8.8.8",
        "http://169.254.169.254",
        "http://0.0.0.0:4566",
        "127.0.0.1:4566",
        "ftp://127.0.0.1",
        "http://",
        "http://nowhere.invalid:4566",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    """No request is forwarded to public addresses, AWS's above all, nor to instance metadata."""
    with pytest.raises(ValueError, match="expected an emulator on this machine"):
        require_private(url)
