"""A push passes what an API call passes: faults, the authority, the call log and the observers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.clock import ScaledClock, VirtualClock, unshortened
from pushproof.emulator.kernel.context import Call, RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.world import World

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as opened:
        opened.administrator("ecr").create_repository(repositoryName="app")
        yield opened


class Pusher:
    """A registry client with one login."""

    def __init__(self, world: World) -> None:
        self.world = world
        data = world.administrator("ecr").get_authorization_token()["authorizationData"][0]
        self.authorization = f"Basic {data['authorizationToken']}"
        assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")

    def __call__(self, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream") -> Response:
        headers = {"Authorization": self.authorization, "Content-Type": kind}
        return self.world.gateway.handle(Request.from_primitives(method, f"http://127.0.0.1/v2/{path}", headers, body))

    def blob(self, content: bytes) -> dict[str, Any]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        assert self("POST", f"app/blobs/uploads/?digest={digest}", content).status_code == 201
        return {"digest": digest, "size": len(content), "mediaType": "application/vnd.oci.image.layer.v1.tar"}

    def image(self) -> bytes:
        config = self.blob(b"{}") | {"mediaType": "application/vnd.oci.image.config.v1+json"}
        layers = [self.blob(b"layer")]
        return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).encode()

    def push(self, tag: str) -> Response:
        return self("PUT", f"app/manifests/{tag}", self.image(), MANIFEST)


def test_observers_of_ecr_hear_of_a_push(world: World) -> None:
    """An observer of PutImage sees a push as it sees the API's call, with the answer that the API would have given."""
    seen: list[Call] = []
    world.gateway.observe("ecr", seen.append, "PutImage")
    assert Pusher(world).push("v1").status_code == 201
    (call,) = seen
    assert (call.name, call.status, call.request["imageTag"]) == ("ecr:PutImage", 200, "v1")
    assert call.response is not None
    image = call.response["image"]
    detail = world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"][0]
    assert image["imageId"] == {"imageDigest": detail["imageDigest"], "imageTag": "v1"}


def test_every_step_of_a_push_is_in_the_log_once_and_as_it_ended(world: World) -> None:
    """Layers begin and complete, the image is put; what is refused is logged as refused."""
    push = Pusher(world)
    world.gateway.calls.clear()

    def steps() -> list[tuple[str, int, str | None]]:
        # The authority reads policies for itself.
        mine = [call for call in world.gateway.calls if call.context.principal.kind != "plane"]
        return [(call.name, call.status, call.error_code) for call in mine]

    push.push("v1")
    layers = ["ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload"] * 2
    assert steps() == [(name, 200, None) for name in (*layers, "ecr:PutImage")]
    world.gateway.calls.clear()
    assert push("GET", "app/manifests/none").status_code == 404
    assert push("GET", "elsewhere/manifests/none").status_code == 404
    assert steps() == [
        ("ecr:BatchGetImage", 404, "MANIFEST_UNKNOWN"),
        ("ecr:BatchGetImage", 400, "RepositoryNotFoundException"),
    ]


def test_a_fault_that_a_test_injects_stops_a_push(world: World) -> None:
    """Faults are raised before anything is changed, and the push is logged with them."""
    seen: list[Call] = []
    world.gateway.observe("ecr", seen.append, "PutImage")
    push = Pusher(world)

    def fault(context: RequestContext) -> None:
        if context.operation == "PutImage":
            raise AwsError("ThrottlingException", "Rate exceeded", 400)

    world.gateway.faults.append(fault)
    assert push.push("v1").status_code >= 400
    assert world.administrator("ecr").describe_images(repositoryName="app")["imageDetails"] == []
    assert [call.error_code for call in seen] == ["ThrottlingException"]


def test_what_lasts_twelve_hours_on_aws_lasts_as_long_here_at_any_speed() -> None:
    """A login outlasts a long build; at speed 20 it was over after 36 minutes.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html (12 hours)
    """
    hours = 12 * 3600.0
    for speed in (1.0, 20.0, 300.0):
        clock = ScaledClock(speed)
        assert clock.real_delay(unshortened(clock, hours)) == pytest.approx(hours)
    slow = ScaledClock(0.5)
    assert unshortened(slow, hours) == hours
    assert unshortened(VirtualClock(), hours) == hours


def test_a_token_ends_when_its_time_is_over(world: World) -> None:
    """Twelve hours are twelve hours on a clock that is not real."""
    push = Pusher(world)
    world.loop.advance(12 * 3600 - 1)  # type: ignore[attr-defined]
    assert push("GET", "").status_code == 200
    world.loop.advance(2)  # type: ignore[attr-defined]
    assert push("GET", "").status_code == 403
