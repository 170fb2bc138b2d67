"""The reads that a plan was made from: as long as a world gives the same answers to them, the plan is the same.

Terraform's provider sees nothing of an account but answers to its calls. A plan is a function of the configuration, its
variables, the state, and those answers.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from moto.core.request import Request

from pushproof.targets.kept.lineage import LOCK

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from pushproof.emulator.keeping.places import Place
    from pushproof.emulator.world import World

# Headers that decide about an answer. The signature does not: it is replaced by the administrator's name.
_DECISIVE = ("accept", "content-type", "content-encoding", "host", "range", "if-none-match", "if-match")
_SCOPE = re.compile(r"Credential=[^/]+/[^,\s]*")
# What differs between two equal answers: https://docs.aws.amazon.com/general/latest/gr/api-retries.html
_OF_ONE_ANSWER = re.compile(rb"<(RequestId|requestId|HostId)>[^<]*</\1>")


class Read(TypedDict):
    """A request with the digest of its answer, as JSON keeps it. `body` in base64."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    answer: str


@dataclass(slots=True)
class Recording:
    """The reads during a time. `complete`: whether there was nothing else."""

    reads: list[Read] = field(default_factory=list)
    complete: bool = True


@contextlib.contextmanager
def recording(world: World) -> Iterator[Recording]:
    """Record every API call that comes over the wire."""
    made, begun = Recording(), world.log.total

    def hear(request: Request, body: bytes, response: Response) -> None:
        if not request.path.endswith(LOCK):
            made.reads.append(_read(request, body, response, world.place))

    with world.gateway.heard_by(hear):
        yield made
    calls = world.log.since(begun)
    made.complete = calls is not None and all(
        not call.mutating
        or call.context.principal.kind == "plane"
        or (call.context.service == "s3" and str(call.request.get("Key", "")).endswith(LOCK))
        for call in calls
    )


def are_answered_alike(world: World, reads: list[Read]) -> bool:
    """Return whether a world gives the same answers to reads as when they were recorded."""
    place = world.place
    for read in reads:
        body = place.filled(base64.b64decode(read["body"]).decode("utf-8", "surrogateescape"))
        headers = {name: place.filled(value) for name, value in read["headers"].items()}
        request = Request.from_primitives(
            read["method"], place.filled(read["url"]), headers, body.encode("utf-8", "surrogateescape")
        )
        if _digest(world.gateway.handle(request), place) != read["answer"]:
            return False
    return True


def _read(request: Request, body: bytes, response: Response, place: Place) -> Read:
    headers = {
        name: place.marked(value)
        for name, value in request.headers.items()
        if name.lower() in _DECISIVE or (name.lower().startswith("x-amz-") and name.lower() not in _OF_ONE_REQUEST)
    }
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    if scope is not None:
        region_and_service = scope[0].partition("/")[2]
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=administrator/{region_and_service}, SignedHeaders=host, Signature=none"
        )
    marked = place.marked(body.decode("utf-8", "surrogateescape"))
    return Read(
        method=request.method,
        url=place.marked(request.url),
        headers=headers,
        body=base64.b64encode(marked.encode("utf-8", "surrogateescape")).decode(),
        answer=_digest(response, place),
    )


_OF_ONE_REQUEST = frozenset({"x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-user-agent"})


def _digest(response: Response, place: Place) -> str:
    content = _OF_ONE_ANSWER.sub(b"", response.get_data())
    text = place.marked(content.decode("utf-8", "surrogateescape"))
    digest = hashlib.sha256(f"{response.status_code}\n".encode())
    digest.update(text.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
