"""The registry's endpoints over HTTP, as the OCI distribution specification asks and as ECR answers.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.world import World

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MEGABYTE = 1024 * 1024


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Client:
    """A registry client that shows what was answered."""

    world: World
    password: str
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        self.session.trust_env = False
        url = path if path.startswith("http") else self.world.endpoint + path
        more.setdefault("auth", ("AWS", self.password))
        return self.session.request(method, url, timeout=60, **more)

    def upload(self, content: bytes, name: str = "app") -> str:
        digest = digest_of(content)
        answer = self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", data=content)
        assert answer.status_code == 201, answer.text
        return digest

    def image(self, text: str, name: str = "app", **more: Any) -> bytes:
        """A manifest whose blobs are uploaded."""
        config, layer = json.dumps({"text": text}).encode(), f"layer {text}".encode()
        written = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.upload(config, name),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": self.upload(layer, name),
                    "size": len(layer),
                }
            ],
            **more,
        }
        return json.dumps(written).encode()

    def put(self, reference: str, content: bytes, kind: str = MANIFEST, name: str = "app") -> requests.Response:
        path = f"/v2/{name}/manifests/{reference}"
        return self("PUT", path, data=content, headers={"Content-Type": kind})


def error(answer: requests.Response) -> tuple[int, str, str]:
    (one,) = answer.json()["errors"]
    return answer.status_code, one["code"], one["message"]


@pytest.fixture
def world() -> Iterator[World]:
    with World(WorldSettings(speed=1000)) as made:
        made.serve()
        ecr = made.administrator("ecr")
        for name in ("app", "other", "team/app"):
            ecr.create_repository(repositoryName=name)
        yield made


@pytest.fixture
def client(world: World) -> Client:
    data = world.administrator("ecr").get_authorization_token()["authorizationData"][0]
    return Client(world, base64.b64decode(data["authorizationToken"]).decode().partition(":")[2])


def test_login(world: World, client: Client) -> None:
    """The registry asks for a login if there is none or a wrong one; the token opens it until it expires."""
    for auth in (None, ("AWS", "wrong"), ("admin", client.password)):
        answer = requests.get(f"{world.endpoint}/v2/", auth=auth, timeout=10)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert error(answer) == (401, "UNAUTHORIZED", "Not Authorized")
    answer = client("GET", "/v2/")
    assert answer.status_code == 200
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    # 12 hours at 1000 times the speed are 43 s: the token is aged instead of waited for.
    tokens = world.services["ecr"].tokens
    token = tokens.find(client.password)
    tokens._tokens[client.password] = type(token)(token.password, token.principal, token.scope, world.clock.now() - 1)
    assert error(client("GET", "/v2/")) == (
        403,
        "DENIED",
        "Your authorization token has expired. Reauthenticate and try again.",
    )


def test_blob_in_one_request(client: Client) -> None:
    """POST with a digest and the content is a whole upload."""
    content = b"all at once"
    digest = client.upload(content)
    head = client("HEAD", f"/v2/app/blobs/{digest}")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    assert head.headers["Docker-Content-Digest"] == digest
    assert client("GET", f"/v2/app/blobs/{digest}").content == content


def test_blob_by_post_then_put(client: Client) -> None:
    """POST opens an upload, PUT with the content closes it."""
    content = b"post, then put"
    opened = client("POST", "/v2/team/app/blobs/uploads/")
    assert opened.status_code == 202
    assert opened.headers["Range"] == "0-0"
    assert opened.headers["Docker-Upload-UUID"]
    closed = client("PUT", f"{opened.headers['Location']}?digest={digest_of(content)}", data=content)
    assert closed.status_code == 201
    assert client("GET", closed.headers["Location"]).content == content


def test_blob_in_chunks_resumed(client: Client) -> None:
    """PATCHed chunks add up; the upload reports its offset; a chunk out of order is refused and changes nothing."""
    content = os.urandom(3000)
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    first = client("PATCH", at, data=content[:1000], headers={"Content-Range": "0-999"})
    assert (first.status_code, first.headers["Range"]) == (202, "0-999")
    wrong = client("PATCH", at, data=content[2000:], headers={"Content-Range": "2000-2999"})
    assert (wrong.status_code, wrong.headers["Range"]) == (416, "0-999")
    progress = client("GET", at)
    assert (progress.status_code, progress.headers["Range"]) == (204, "0-999")
    client("PATCH", at, data=content[1000:2000], headers={"Content-Range": "1000-1999"})
    # The rest comes with the PUT.
    assert client("PUT", f"{at}?digest={digest_of(content)}", data=content[2000:]).status_code == 201
    assert client("GET", f"/v2/app/blobs/{digest_of(content)}").content == content
    assert error(client("GET", at))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_big_blob_is_streamed(client: Client) -> None:
    """A layer of 200 MB, sent with chunked encoding and read back, never is in memory as a whole."""
    block, count = os.urandom(MEGABYTE), 200
    hashed = hashlib.sha256()
    for _ in range(count):
        hashed.update(block)
    digest = "sha256:" + hashed.hexdigest()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    sent = client("PATCH", at, data=(block for _ in range(count)))
    assert sent.headers["Range"] == f"0-{count * MEGABYTE - 1}"
    assert client("PUT", f"{at}?digest={digest}").status_code == 201
    got, hashed = client("GET", f"/v2/app/blobs/{digest}", stream=True), hashlib.sha256()
    for chunk in got.iter_content(MEGABYTE):
        hashed.update(chunk)
    assert "sha256:" + hashed.hexdigest() == digest
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_upload_cancelled(client: Client) -> None:
    """DELETE forgets an upload."""
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    assert client("DELETE", at).status_code == 204
    assert error(client("PATCH", at, data=b"x"))[1] == "BLOB_UPLOAD_UNKNOWN"


def test_upload_broken_off_goes_on(world: World, client: Client) -> None:
    """An interrupted upload keeps the received part, and continues from there."""
    content = os.urandom(MEGABYTE + 3000)
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    with begun_upload(world, client, at, content[:MEGABYTE]):
        pass
    done = client("PUT", f"{at}?digest={digest_of(content)}", data=content[MEGABYTE:])
    assert done.status_code == 201, done.text


def test_next_part_waits_for_the_one_before_it(world: World, client: Client) -> None:
    """A part that comes while the one before it is still being received waits until that one has ended."""
    content = os.urandom(MEGABYTE + 3000)
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    with ThreadPoolExecutor(1) as threads:
        with begun_upload(world, client, at, content[:MEGABYTE]):
            rest = threads.submit(client, "PUT", f"{at}?digest={digest_of(content)}", data=content[MEGABYTE:])
            assert wait([rest], 0.5).not_done
        assert rest.result().status_code == 201, rest.result().text


def test_one_part_at_a_time(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is refused if the one before it does not end, with the byte that comes next."""
    monkeypatch.setattr("pushproof.emulator.services.ecr.front._EARLIER_PART", 0.1)
    at = client("POST", "/v2/app/blobs/uploads/").headers["Location"]
    with begun_upload(world, client, at, b"x" * MEGABYTE):
        refused = client("PATCH", at, data=b"y")
    assert error(refused)[:2] == (416, "BLOB_UPLOAD_INVALID")
    assert refused.headers["Range"] == f"0-{MEGABYTE - 1}"


@contextlib.contextmanager
def begun_upload(world: World, client: Client, at: str, part: bytes) -> Iterator[None]:
    """Hold a request that has sent the first part of a longer body, some megabytes, all received. It breaks off at the end."""
    login = base64.b64encode(f"AWS:{client.password}".encode()).decode()
    with socket.create_connection(("127.0.0.1", world.port)) as raw:
        to = f"Host: localhost:{world.port}\r\nAuthorization: Basic {login}"
        raw.sendall(f"PATCH {at} HTTP/1.1\r\n{to}\r\nContent-Length: {len(part) * 2}\r\n\r\n".encode() + part)
        expected, deadline = f"0-{len(part) - 1}", time.monotonic() + 30
        while client("GET", at).headers["Range"] != expected:
            assert time.monotonic() < deadline, "the registry did not receive the part"
        yield


def test_wrong_digest(client: Client) -> None:
    """Content that is not what its digest says is refused, and not kept."""
    wrong = digest_of(b"something else")
    answer = client("POST", f"/v2/app/blobs/uploads/?digest={wrong}", data=b"content")
    assert error(answer)[:2] == (400, "DIGEST_INVALID")
    assert client("HEAD", f"/v2/app/blobs/{wrong}").status_code == 404
    assert error(client("POST", "/v2/app/blobs/uploads/?digest=md5:1", data=b"x"))[:2] == (400, "DIGEST_INVALID")


def test_ranges(client: Client) -> None:
    """Parts of a layer can be had; parts beyond its end cannot."""
    digest = client.upload(b"0123456789")
    path = f"/v2/app/blobs/{digest}"
    for wanted, content, shown in (
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
    ):
        answer = client("GET", path, headers={"Range": wanted})
        assert (answer.status_code, answer.content, answer.headers["Content-Range"]) == (206, content, shown)
    assert client("GET", path, headers={"Range": "bytes=10-20"}).status_code == 416


def test_mount(world: World, client: Client) -> None:
    """A layer is taken over from another repository where the account has blob mounting on, uploaded where not."""
    digest = client.upload(b"shared", name="other")
    path = f"/v2/app/blobs/uploads/?mount={digest}&from=other"
    assert client("POST", path).status_code == 202
    world.administrator("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    mounted = client("POST", path)
    assert mounted.status_code == 201
    assert client("GET", mounted.headers["Location"]).content == b"shared"
    assert client("POST", f"/v2/app/blobs/uploads/?mount={digest_of(b'?')}&from=other").status_code == 202


def test_manifest_by_tag_and_digest(world: World, client: Client) -> None:
    """A manifest comes back byte for byte under its tag and its digest, and its push is announced."""
    content = client.image("one")
    put = client.put("v1", content)
    digest = digest_of(content)
    assert (put.status_code, put.headers["Docker-Content-Digest"]) == (201, digest)
    for reference in ("v1", digest):
        got = client("GET", f"/v2/app/manifests/{reference}")
        assert (got.content, got.headers["Content-Type"]) == (content, MANIFEST)
        head = client("HEAD", f"/v2/app/manifests/{reference}")
        assert (head.headers["Docker-Content-Digest"], head.headers["Content-Length"]) == (digest, str(len(content)))
    assert client.put("v1", content).status_code == 201
    events = [event.envelope["detail"] for event in world.bus.history]
    assert [(event["action-type"], event["image-tag"]) for event in events] == [("PUSH", "v1")]
    (detail,) = world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert detail["lastRecordedPullTime"]


def test_bad_manifests(client: Client) -> None:
    """Manifests that are invalid, lack blobs or have another digest are refused by name."""
    assert error(client.put("v1", b"nothing"))[:2] == (400, "MANIFEST_INVALID")
    assert error(client.put("v1", b"{}", kind="text/plain"))[:2] == (400, "MANIFEST_INVALID")
    assert error(client.put(digest_of(b"?"), client.image("one")))[:2] == (400, "DIGEST_INVALID")
    lacking = json.loads(client.image("one"))
    lacking["layers"][0]["digest"] = digest_of(b"not there")
    assert error(client.put("v1", json.dumps(lacking).encode()))[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": digest_of(b"?"), "size": 1}]}
    assert error(client.put("v1", json.dumps(index).encode(), INDEX))[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    assert error(client.put(".bad", client.image("one")))[:2] == (400, "TAG_INVALID")


def test_what_is_not_there(client: Client) -> None:
    """Missing repositories, images and layers are named in ECR's words."""
    unknown = "The repository with name 'nope' does not exist in the registry with id '123456789012'"
    assert error(client("GET", "/v2/nope/manifests/v1")) == (404, "NAME_UNKNOWN", unknown)
    assert error(client("POST", "/v2/nope/blobs/uploads/")) == (404, "NAME_UNKNOWN", unknown)
    assert error(client("GET", "/v2/app/manifests/none")) == (404, "MANIFEST_UNKNOWN", "Requested image not found")
    assert error(client("GET", f"/v2/app/blobs/{digest_of(b'?')}"))[:2] == (404, "BLOB_UNKNOWN")
    assert client("GET", "/v2/app/nonsense").status_code == 404


def test_immutable_tag(world: World, client: Client) -> None:
    """Pushing another image under an immutable tag is refused in ECR's words."""
    world.administrator("ecr").put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    assert client.put("v1", client.image("one")).status_code == 201
    assert error(client.put("v1", client.image("two"))) == (
        400,
        "TAG_INVALID",
        "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.",
    )


def test_deletion_is_for_the_api(client: Client) -> None:
    """DELETE of images and layers is not supported, as with ECR."""
    assert client.put("v1", client.image("one")).status_code == 201
    assert error(client("DELETE", "/v2/app/manifests/v1"))[:2] == (405, "UNSUPPORTED")
    assert error(client("DELETE", f"/v2/app/blobs/{digest_of(b'layer one')}"))[:2] == (405, "UNSUPPORTED")


def test_tags_in_pages(client: Client) -> None:
    """Tags are listed in order, page by page along the Link header."""
    content = client.image("one")
    for number in range(5):
        client.put(f"v{number}", content)
    path, seen = "/v2/app/tags/list?n=2", []
    while path:
        answer = client("GET", path)
        assert answer.json()["name"] == "app"
        seen.append(answer.json()["tags"])
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == [["v0", "v1"], ["v2", "v3"], ["v4"]]
    assert client("GET", "/v2/_catalog").json() == {"repositories": ["app", "other", "team/app"]}


def test_index_and_referrers(client: Client) -> None:
    """An index of two images, and an artifact that belongs to one of them."""
    first, second = client.image("one"), client.image("two")
    for content in (first, second):
        client.put(digest_of(content), content)
    members = [{"mediaType": MANIFEST, "digest": digest_of(one), "size": len(one)} for one in (first, second)]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": members}).encode()
    assert client.put("all", index, INDEX).status_code == 201
    assert client("GET", "/v2/app/manifests/all").headers["Content-Type"] == INDEX
    signature = client.image("signature", subject=members[0], artifactType="application/x.signature")
    put = client.put(digest_of(signature), signature)
    assert put.headers["OCI-Subject"] == digest_of(first)
    found = client("GET", f"/v2/app/referrers/{digest_of(first)}").json()["manifests"]
    assert [(one["digest"], one["artifactType"]) for one in found] == [
        (digest_of(signature), "application/x.signature")
    ]
    assert client("GET", f"/v2/app/referrers/{digest_of(second)}").json()["manifests"] == []


def test_the_authority_decides_on_the_tokens_principal(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push or pull is authorised as the API operations of it, and a refusal reaches the client as DENIED."""
    asked: list[tuple[str, str, str]] = []

    def authorise(principal: Any, call: Any, _region: str) -> None:
        asked.append((principal.arn, call.operation, call.parameters.get("repositoryName", "")))
        if call.operation == "PutImage":
            raise AwsError("AccessDeniedException", "User: x is not authorized to perform: ecr:PutImage")

    content = client.image("one")
    monkeypatch.setattr(world.authority, "authorise", authorise)
    assert error(client.put("v1", content)) == (
        403,
        "DENIED",
        "User: x is not authorized to perform: ecr:PutImage",
    )
    client("GET", "/v2/app/manifests/v1")
    client("POST", "/v2/app/blobs/uploads/")
    client("HEAD", f"/v2/app/blobs/{digest_of(b'layer one')}")
    client("GET", f"/v2/app/blobs/{digest_of(b'layer one')}")
    root = "arn:aws:iam::123456789012:root"
    assert asked == [
        (root, operation, "app")
        for operation in (
            "PutImage",
            "BatchGetImage",
            "InitiateLayerUpload",
            "BatchCheckLayerAvailability",
            "GetDownloadUrlForLayer",
        )
    ]
    assert world.gateway.calls[-1].name == "ecr:GetDownloadUrlForLayer"


def test_another_registrys_host_needs_its_own_token(client: Client) -> None:
    """Under ECR's own host names the token must be of that account and region."""
    own = {"Host": "123456789012.dkr.ecr.eu-west-1.amazonaws.com"}
    assert client("GET", "/v2/", headers=own).status_code == 200
    other = {"Host": "123456789012.dkr.ecr.us-east-1.amazonaws.com"}
    assert error(client("GET", "/v2/", headers=other))[:2] == (403, "DENIED")


def test_a_role_pushes_and_pulls_as_its_policy_says(world: World) -> None:
    """A role that may only pull gets its login, pulls, and is refused the push with IAM's own sentence."""
    iam = world.administrator("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="pull", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    login = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    pull = {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/app",
    }
    iam.put_role_policy(
        RoleName="pull",
        PolicyName="pull",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [login, pull]}),
    )

    def client_of(api: Any) -> Client:
        data = api.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return Client(world, base64.b64decode(data).decode().partition(":")[2])

    content = client_of(world.administrator("ecr")).image("one")
    assert client_of(world.administrator("ecr")).put("v1", content).status_code == 201
    puller = client_of(world.client("ecr", credentials=world.assume(role, "ecs-tasks.amazonaws.com")))
    assert puller("GET", "/v2/app/manifests/v1").content == content
    assert puller("GET", f"/v2/app/blobs/{digest_of(b'layer one')}").content == b"layer one"
    status, code, message = error(puller("POST", "/v2/app/blobs/uploads/"))
    assert (status, code) == (403, "DENIED")
    assert "is not authorized to perform: ecr:InitiateLayerUpload" in message
    assert "arn:aws:ecr:eu-west-1:123456789012:repository/app" in message
    assert error(puller("GET", "/v2/other/manifests/v1"))[:2] == (403, "DENIED")
