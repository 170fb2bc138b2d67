"""Registry, git host and load balancers: damaged requests to each, and damaged rules."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

import pytest
from tests.fuzz.inputs import bounded, campaign, damaged, damaged_text, mutated, text
from tests.fuzz.test_gateway import _request

from pushproof.base.clock import ScaledClock
from pushproof.emulator.githost.host import GitHost
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.runtime.equipment import Equipment
from pushproof.emulator.runtime.loadbalancer import ListenerSpec
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.emulator.services.elbv2 import actions
from pushproof.emulator.world import World
from pushproof.engines import loadbalancing

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_LAYER = hashlib.sha256(b"layer").hexdigest()
_MANIFEST = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": {"digest": f"sha256:{_LAYER}", "size": 5, "mediaType": "application/vnd.oci.image.config.v1+json"},
    "layers": [{"digest": f"sha256:{_LAYER}", "size": 5, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}],
}
_REGISTRY = (
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog?n=5&last=a"),
    ("GET", "/v2/app/tags/list?n=1"),
    ("GET", "/v2/app/manifests/v1"),
    ("PUT", "/v2/app/manifests/v1"),
    ("PUT", f"/v2/app/manifests/sha256:{_LAYER}"),
    ("GET", f"/v2/app/blobs/sha256:{_LAYER}"),
    ("HEAD", f"/v2/app/blobs/sha256:{_LAYER}"),
    ("POST", f"/v2/app/blobs/uploads/?digest=sha256:{_LAYER}"),
    ("POST", f"/v2/app/blobs/uploads/?mount=sha256:{_LAYER}&from=other"),
    ("PATCH", "/v2/app/blobs/uploads/UPLOAD"),
    ("PUT", f"/v2/app/blobs/uploads/UPLOAD?digest=sha256:{_LAYER}"),
    ("DELETE", "/v2/app/blobs/uploads/UPLOAD"),
    ("GET", f"/v2/app/referrers/sha256:{_LAYER}?artifactType=a"),
    ("GET", f"/_ecr/sha256:{_LAYER}?token=x"),
)


def encoded(path: str) -> str:
    """Return a path as a URL may have it."""
    return "/" + quote(path[1:].encode("utf-8", "surrogatepass"), safe="/?=&%-._~:")


def test_registry(errors: list[str]) -> None:
    """No push, pull or listing is a fault of ours, and none leaves the registry's own directory."""
    with World.virtual() as world:
        ecr = world.administrator("ecr")
        ecr.create_repository(repositoryName="app")
        data = ecr.get_authorization_token()["authorizationData"][0]
        login = f"Basic {data['authorizationToken']}"
        uploads: list[str] = []

        @campaign
        def run(random: Random) -> None:
            method, path = random.choice(_REGISTRY)
            path = path.replace("UPLOAD", random.choice(uploads[-3:] or ["none"]))
            if random.random() < 0.5:
                path = path[:4] + damaged_text(random, path[4:])
            body = random.choice(
                (b"layer", b"", json.dumps(mutated(random, _MANIFEST)).encode(), json.dumps(_MANIFEST).encode())
            )
            if random.random() < 0.3:
                body = damaged(random, body)
            headers = {"Host": "127.0.0.1", "Authorization": login, "Content-Type": MANIFEST}
            if random.random() < 0.2:
                name = random.choice(("Range", "Content-Range", "Content-Type", "Authorization", "Accept"))
                headers[name] = (
                    damaged_text(random, headers.get(name, "bytes=0-4")).encode("latin-1", "ignore").decode("latin-1")
                )
            with bounded((method, path, body[:1000])):
                response = world.gateway.handle(_request(method, encoded(path), headers, body))
                response.get_data()
            assert response.status_code < 500, response.get_data(as_text=True)[:2000]
            if "Docker-Upload-UUID" in response.headers:
                uploads.append(response.headers["Docker-Upload-UUID"])
            assert errors == []

        run()
        inside = {path.relative_to(world.directory).parts[0] for path in world.directory.rglob("*")}
        assert inside <= {"ecr", "git"}


_GIT = (
    ("GET", "/_git/owner/name.git/info/refs?service=git-upload-pack"),
    ("GET", "/_git/owner/name.git/info/refs?service=git-receive-pack"),
    ("POST", "/_git/owner/name.git/git-upload-pack"),
    ("POST", "/_git/owner/name.git/git-receive-pack"),
    ("GET", "/_git/owner/name.git/HEAD"),
    ("GET", "/_git/owner/name.git/objects/info/packs"),
)
_PUSH = b"0094" + b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/main\0 report-status side-band-64k agent=git/2\n0000PACK"


def test_git_host(errors: list[str]) -> None:
    """No fetch or push is a fault of ours, and no name leaves the directory of repositories."""
    with World.virtual(equip=lambda ground, _: Equipment(git=GitHost(ground))) as world:
        world.git.create("owner/name")
        keys = world.keys.administrator
        login = base64.b64encode(f"{keys.access_key_id}:{keys.secret_access_key}".encode()).decode()

        @campaign
        def run(random: Random) -> None:
            method, path = random.choice(_GIT)
            # Git's own processes are most of the time: damage to names comes first.
            if random.random() < 0.93:
                path = "/_git/" + damaged_text(random, path[6:])
            headers = {"Host": "127.0.0.1", "Authorization": f"Basic {login}"}
            headers["Content-Type"] = random.choice(
                ("application/x-git-receive-pack-request", "application/x-git-upload-pack-request", "text/plain")
            )
            if random.random() < 0.1:
                headers["Content-Encoding"] = random.choice(("gzip", "x", "\xe9"))
            body = damaged(random, _PUSH)
            with bounded((method, path, body[:500])):
                response = world.gateway.handle(_request(method, encoded(path), headers, body))
            assert response.status_code < 500, response.get_data(as_text=True)[:2000]
            assert errors == []

        run()
        for path in (world.directory / "git").rglob("*"):
            assert path.resolve().is_relative_to((world.directory / "git").resolve())
        assert {path.name for path in world.directory.iterdir()} <= {"git", "ecr"}


_CONDITIONS = (
    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}},
    {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/api/[a-z]+$"]}},
    {"Field": "host-header", "Values": ["*.example.com"]},
    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["a*"]}},
    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "RegexValues": ["(a|b)*"]}},
    {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b*"}]}},
    {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
)
_REGEX_BOMBS = (
    "(a+)+$",
    "(a|a)*b",
    "(.*a){20}",
    "(a{1,1000}){1,1000}",
    "(?=a)",
    r"(a)\1",
    "[",
    "(" * 60,
    "(?P<a>a)",
    "\\",
)


def test_rules() -> None:
    """A rule that the API accepts matches or not, soon; any other is refused."""

    @campaign
    def run(random: Random) -> None:
        condition = mutated(random, random.choice(_CONDITIONS))
        if random.random() < 0.2:
            condition = {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": [random.choice(_REGEX_BOMBS)]}}
        if random.random() < 0.2:
            condition = {"Field": "path-pattern", "Values": ["*a" * random.randrange(60) + random.choice("b?*")]}
        long = "a" * 4_000
        request = loadbalancing.HttpRequest(
            protocol="HTTP",
            method="GET",
            host=text(random)[:200] + long[:100],
            port=80,
            path="/" + random.choice((long, text(random))),
            query=random.choice((f"a={long}", text(random))),
            source_ip="10.1.1.1",
            headers=(("X-A", long),),
        )
        with bounded(condition):
            parsed = accepted(condition)
            if parsed is not None:
                loadbalancing.holds(parsed, request)

    run()


def accepted(condition: object) -> loadbalancing.Condition | None:
    """Return the engine's condition for one that the API accepts; None for one that it refuses."""
    if not isinstance(condition, dict) or not _fits(condition):
        return None
    try:
        return actions._condition(actions._stored_condition(condition))  # type: ignore[arg-type]
    except AwsError:
        return None


def _fits(content: object) -> bool:
    """Return whether a condition has the types of the API's model, which the gateway checks first."""
    if not isinstance(content, dict):
        return False
    lists = ("Values", "RegexValues")
    for name, member in content.items():
        if name == "QueryStringConfig":
            pairs = member.get("Values") if isinstance(member, dict) else None
            if not isinstance(pairs, list) or not all(
                isinstance(pair, dict) and all(isinstance(pair.get(key, ""), str) for key in ("Key", "Value"))
                for pair in pairs
            ):
                return False
        elif name.endswith("Config"):
            if not _fits(member):
                return False
        elif name in lists:
            if not isinstance(member, list) or not all(isinstance(entry, str) for entry in member):
                return False
        elif not isinstance(member, str):
            return False
    return True


_DATA_PLANE = (
    b"GET /api?a=b HTTP/1.1\r\nHost: web\r\nX-Amzn-Trace-Id: Root=1-2-3;Self=4\r\nCookie: AWSALB=abc; AWSALBTG=x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: web\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: a\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\nExpect: 100-continue\r\nX-Forwarded-For: 1.2.3.4\r\n\r\nabc",
)


@pytest.fixture
def plane() -> Iterator[LoadBalancerRuntime]:
    runtime = LoadBalancerRuntime(ScaledClock(30))
    runtime.start()
    yield runtime
    runtime.close()


def test_data_plane(plane: LoadBalancerRuntime, errors: list[str]) -> None:
    """A load balancer answers any bytes with a status of its own, or hangs up, and goes on."""
    rules = (
        loadbalancing.Rule("r", 1, (loadbalancing.PathPattern(("/api*",)),), loadbalancing.Redirect(302)),
        loadbalancing.Rule("d", None, (), loadbalancing.FixedResponse(200, "text/plain", "here")),
    )
    with socket.create_server(("127.77.0.9", 0)) as taken:
        port = taken.getsockname()[1]
    plane.put_listener(ListenerSpec(arn="l", address="127.77.0.9", port=port, protocol="HTTP", rules=rules))

    @campaign
    def run(random: Random) -> None:
        sent = damaged(random, random.choice(_DATA_PLANE))[:50_000]
        with bounded(sent), socket.create_connection(("127.77.0.9", port), timeout=10) as client:
            answer = b""
            try:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except ConnectionError:
                pass
        assert not answer.startswith(b"HTTP/1.1 50"), answer[:300]
        assert errors == []

    run()
