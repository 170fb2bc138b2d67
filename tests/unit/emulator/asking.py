"""Requests as an SDK writes them that validates nothing: any operation of any service, with any body."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import botocore.session
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from moto.core.request import Request

from pushproof.emulator.world import World

_SESSION = botocore.session.get_session()
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, with the code and the words of its error as an SDK reads them."""

    status: int
    code: str
    message: str
    text: str

    @property
    def names_a_gap(self) -> bool:
        """Return whether this is the 501 of an operation that is not implemented."""
        return self.status == 501 and self.code == "NotImplemented"


@functools.cache
def model(service: str) -> ServiceModel:
    """Return AWS's model of a service."""
    loaded: ServiceModel = _SESSION.get_service_model(service)
    return loaded


def send(world: World, service: str, operation: str, body: dict[str, Any], *, signed: str = "") -> Answer:
    """Send a request of the account's administrator; `signed`: the service's name in the signature, where it is not the model's."""
    request = written(service, operation, body, signed=signed)
    response = world.gateway.handle(request)
    data = response.get_data()
    error: dict[str, Any] = {}
    if response.status_code >= 300:
        shape = model(service).operation_model(operation).output_shape
        parser: Any = create_parser(model(service).resolved_protocol)
        parts = {"body": data, "headers": dict(response.headers), "status_code": response.status_code}
        error = parser.parse(parts, shape).get("Error", {})
    text = data.decode("utf-8", "replace")
    return Answer(response.status_code, str(error.get("Code", "")), str(error.get("Message", "")), text)


def written(service: str, operation: str, body: dict[str, Any], *, signed: str = "") -> Request:
    """Write a request, in the protocol that every SDK speaks."""
    described = model(service)
    # Without checks: the type stubs know only serialisers of the other kind.
    serializer: Any = create_serializer(described.resolved_protocol, include_validation=False)
    parts = serializer.serialize_to_request(body, described.operation_model(operation))
    data, query = parts["body"], parts["query_string"]
    if isinstance(data, dict):
        data = urlencode(data)
    if isinstance(query, dict):
        query = urlencode(query, doseq=True)
    path, _, beside = parts["url_path"].partition("?")
    query = "&".join(text for text in (beside, query) if text)
    scope = f"administrator/20260101/eu-west-1/{signed or described.signing_name}/aws4_request"
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value) for name, value in parts["headers"].items()
    }
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    if described.resolved_protocol in ("query", "ec2"):
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    url = f"http://127.0.0.1{path}{'?' if query else ''}{query}"
    return Request.from_primitives(
        parts["method"], url, headers, data.encode() if isinstance(data, str) else data or b""
    )


def least(shape: Shape | None, name: str = "", depth: int = 0, **known: Any) -> Any:
    """Return a value of a shape with its required members only; `known` are values by the name of a member."""
    if shape is None:
        return {}
    if name in known:
        return known[name]
    described: Any = shape
    match described.type_name:
        case "structure":
            required = described.required_members if depth < _DEEPEST else []
            return {member: least(described.members[member], member, depth + 1, **known) for member in required}
        case "list":
            return [least(described.member, name, depth + 1, **known)]
        case "map":
            return {"a": least(described.value, name, depth + 1, **known)}
        case "boolean":
            return True
        case "integer" | "long":
            return max(1, described.metadata.get("min", 1))
        case "float" | "double":
            return 1.0
        case "timestamp":
            return 1_700_000_000
        case "blob":
            return b"{}"
        case _:
            enumeration = getattr(described, "enum", None)
            return enumeration[0] if enumeration else "a" * max(1, described.metadata.get("min", 1))
