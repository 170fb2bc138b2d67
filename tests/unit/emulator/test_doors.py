"""The doors of a world, on the wire: names that it answers to, and pages that it lets in.

Every request is what a browser sends: DNS rebinding shows in `Host` (https://en.wikipedia.org/wiki/DNS_rebinding), a foreign
page in `Origin` (https://fetch.spec.whatwg.org/#origin-header) or `Sec-Fetch-Site`
(https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header).
"""

from __future__ import annotations

import http.client
import json
import socket
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest

from pushproof.emulator.kernel.settings import DoorSettings, WorldSettings
from pushproof.emulator.world import World

EVIL = "http://evil.example.com"
QUERY = "Action=CreateTopic&Name=made&Version=2010-03-31"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.virtual(
        WorldSettings(doors=DoorSettings(frozenset({"known.test"}), frozenset({"https://known.test"})))
    ) as opened:
        opened.serve()
        yield opened


def ask(world: World, method: str, path: str = "/", body: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers (in lower case) and body of an answer; `Host` is the endpoint's unless it is among the headers."""
    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body.encode(), named)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def untouched(world: World) -> bool:
    return not world.gateway.calls and world.administrator("sns").list_topics()["Topics"] == []


@pytest.fixture(autouse=True)
def _forget(world: World) -> None:
    world.gateway.calls.clear()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com", "evil.example.com:{port}", "127.0.0.1.evil.example.com:{port}", "localhost.evil.example.com",
        "evil-localhost:{port}", "127.0.0.1:1", "localhost:1", "10.0.0.7:{port}", "amazonaws.com.evil.example.com",
        "evilamazonaws.com", "mine-1.eu-west-1.elb.amazonaws.com", "ec2-1-2-3-4.compute-1.amazonaws.com",
        "127.0.0.1:{port}@evil.example.com", "127.0.0.1:{port},evil.example.com", "[::1", "0.0.0.0:{port}", "",
        "known.test.evil.example.com",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/_pushproof/calls", "/_git/a/b.git/info/refs", "/v2/", "/bucket/key"])
def test_a_name_of_somebody_else_is_refused(world: World, host: str, path: str) -> None:
    """A request for a foreign name is misdirected for every path, and reaches nothing (DNS rebinding)."""
    for method, body in (("GET", ""), ("POST", QUERY)):
        status, headers, text = ask(world, method, path, body, Host=host.format(port=world.port), **FORM)
        assert status == 421
        assert "This world does not answer to" in text
        assert not [name for name in headers if name.startswith("access-control-")]
    assert untouched(world)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "127.0.0.1", "localhost", "[::1]:{port}", "s3.localhost:{port}",
        "bucket.s3.localhost:{port}", "s3.eu-west-1.amazonaws.com", "bucket.s3.amazonaws.com:{port}", "sns.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr-ecr.eu-west-1.on.aws:{port}", "ecs.eu-west-1.api.aws",
        "sqs.cn-north-1.amazonaws.com.cn", "169.254.170.2", "images.pushproof.internal:{port}", "host.docker.internal:{port}",
        "known.test", "below.known.test:{port}",
    ],
)  # fmt: skip
def test_the_worlds_own_names_are_answered(world: World, host: str) -> None:
    """Loopback with its port (or a build's port 80), names of AWS as builds and clients use them, and what the settings add."""
    status, _, text = ask(world, "GET", "/_pushproof/health", Host=host.format(port=world.port))
    if host.startswith("images."):
        # The mirror has this name behind a secret, which only builds know.
        assert status == 401
    elif host.startswith("169.254"):
        assert status == 404
        assert "there is nothing at" in text.lower()
    else:
        assert status == 200


def test_the_address_that_it_listens_on_is_a_name(world: World) -> None:
    """Tasks and builds reach the gateway at the address of the world's bridge."""
    host = f"127.0.0.1:{world.port}"
    assert ask(world, "GET", "/_pushproof/health", Host=host)[0] == 200
    world.gateway._doors.addresses = frozenset({"172.30.0.1"})
    assert ask(world, "GET", "/_pushproof/health", Host=f"172.30.0.1:{world.port}")[0] == 200
    assert ask(world, "GET", "/_pushproof/health", Host=f"172.30.0.2:{world.port}")[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:{port}.evil.example.com"},
        {"Origin": "http://127.0.0.1:{port}/"},
        {"Origin": "http://s3.amazonaws.com"},
        {"Origin": "http://evil.known.test"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Cross-Site"},
        {"Sec-Fetch-Site": "unheard-of"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "path", ["/", "/_pushproof/connections/authorise?arn=x", "/_git/a/b.git/info/refs", "/v2/", "/b/k"]
)
def test_a_foreign_page_is_refused_before_anything_happens(world: World, headers: dict[str, str], path: str) -> None:
    """GET, POST and the preflight alike: refused, with no leave to read the answer, and nothing was done."""
    sent = {name: value.format(port=world.port) for name, value in headers.items()}
    for method, body in (("GET", ""), ("POST", QUERY), ("OPTIONS", ""), ("PUT", "x"), ("DELETE", "")):
        preflight = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
        status, answered, text = ask(world, method, path, body, **FORM, **sent, **preflight)
        assert status == 403, method
        assert "admitted here" in text
        assert not [name for name in answered if name.startswith("access-control-")]
    assert untouched(world)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "https://known.test", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_no_one_else_is_hindered(world: World, headers: dict[str, str]) -> None:
    """Tools send no Origin; a person who types the address, and the world's own pages, are at home."""
    sent = {name: value.format(port=world.port) for name, value in headers.items()}
    assert ask(world, "GET", "/_pushproof/health", **sent)[0] == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nobucket"), ("OPTIONS", "/nobucket/k"), ("GET", "/_pushproof/health")]
)
def test_no_answer_lets_other_pages_read_it(world: World, method: str, path: str) -> None:
    """The substrate's `Access-Control-Allow-Origin: *` goes no further."""
    assert not [name for name in ask(world, method, path)[1] if name.startswith("access-control-")]


def test_a_refusal_speaks_the_callers_protocol(world: World) -> None:
    """An SDK reads why; so does Docker."""
    scope = "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"
    evil = {"Host": "evil.example.com"}
    ecs = {"Authorization": scope.format("ecs"), "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    _, headers, text = ask(world, "POST", "/", "{}", **evil, **ecs)
    assert (json.loads(text)["__type"], headers["x-amzn-errortype"]) == ("MisdirectedRequest", "MisdirectedRequest")
    text = ask(world, "POST", "/", QUERY, **evil, **FORM, Authorization=scope.format("sns"))[2]
    assert ElementTree.fromstring(text).findtext("Error/Code") == "MisdirectedRequest"
    text = ask(
        world, "POST", "/", "Action=DescribeVpcs&Version=2016-11-15", **evil, **FORM, Authorization=scope.format("ec2")
    )[2]
    assert ElementTree.fromstring(text).findtext("Errors/Error/Code") == "MisdirectedRequest"
    text = ask(world, "GET", "/bucket", **evil, Authorization=scope.format("s3"))[2]
    assert ElementTree.fromstring(text).findtext("Code") == "MisdirectedRequest"
    text = ask(world, "GET", "/v2/", **evil)[2]
    assert json.loads(text)["errors"][0]["code"] == "DENIED"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"GET /_pushproof/health HTTP/1.1\r\n\r\n", 400),
        (b"GET /_pushproof/health HTTP/1.0\r\n\r\n", 200),
        (b"GET http://evil.example.com/_pushproof/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 421),
        (b"GET /_pushproof/health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example.com\r\n\r\n", 421),
        (b"GET /_pushproof/health HTTP/1.1\r\nHost: evil.example.com\r\nX-Forwarded-Host: 127.0.0.1\r\n\r\n", 421),
    ],
)
def test_no_spelling_gets_round_the_name(world: World, lines: bytes, status: int) -> None:
    """No Host, two of them, a whole URL, a proxy's header. https://www.rfc-editor.org/rfc/rfc9112#section-3.2"""
    with socket.create_connection(("127.0.0.1", world.port), timeout=10) as client:
        client.sendall(lines)
        assert int(client.recv(64).split()[1]) == status


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_changes_nothing(world: World, method: str) -> None:
    """No control endpoint changes a thing when it is asked with GET."""
    client = world.administrator("codestar-connections")
    arn = client.create_connection(ConnectionName=f"c-{method}", ProviderType="GitHub")["ConnectionArn"]
    assert ask(world, method, f"/_pushproof/connections/authorise?arn={arn}")[0] >= 400
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "PENDING"
