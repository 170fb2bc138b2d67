"""Every ECS operation under boundary values of botocore's model: no failure of our own, and no trace of a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.emulator.describing import describe_ecs
from werkzeug.wrappers import Request

from pushproof.emulator.services.ecs import EcsApi

MODEL = botocore.session.get_session().get_service_model("ecs")
OPERATIONS = [name for name in MODEL.operation_names if callable(getattr(EcsApi, xform_name(name), None))]
_MARK = "AWS4-HMAC-SHA256 Credential=administrator/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
_ARN = "arn:aws:ecs:eu-west-1:123456789012"

Send = Callable[[str, dict[str, Any]], tuple[int, Any]]

# By the end of a member's name: names that exist beside the odd ones.
_KNOWN: dict[str, list[str]] = {
    "cluster": ["main", f"{_ARN}:cluster/main"],
    "clusterName": ["main", "other"],
    "service": ["app", f"{_ARN}:service/main/app"],
    "services": ["app"],
    "serviceName": ["app", "second"],
    "taskDefinition": ["app", "app:1", f"{_ARN}:task-definition/app:1"],
    "taskDefinitions": ["app:1", "app:2"],
    "family": ["app"],
    "resourceArn": [f"{_ARN}:service/main/app", f"{_ARN}:cluster/main", f"{_ARN}:task-definition/app:1"],
    "capacityProvider": ["FARGATE", "FARGATE_SPOT"],
    "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
    "containerName": ["app"],
    "image": ["app:v1"],
}
_ODD = [
    "",
    " ",
    "a",
    "a/b",
    "a/b/c/d",
    ":",
    "a:b:c:d:e:f/g",
    "x" * 300,
    "Ünïcode",
    "-1",
    "0",
    "arn:aws:ecs:::",
    "null",
    "\x00",
]
_NUMBERS = [-(2**31), -1, 0, 1, 2, 99, 101, 65_536, 2**31 - 1]


def values(shape: Shape, name: str = "", depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape: sound ones, those at the edges, and those beyond that the wire still lets through."""
    if isinstance(shape, StructureShape):
        members = {
            member: values(inner, member, depth + 1)
            for member, inner in shape.members.items()
            if depth < 5 or member in shape.required_members
        }
        required = {member: members.pop(member) for member in shape.required_members if member in members}
        return st.fixed_dictionaries(required, optional=members).map(
            lambda known: _thinned(known, set(required), depth)
        )
    if isinstance(shape, ListShape):
        return st.lists(values(shape.member, name, depth + 1), max_size=3)
    if isinstance(shape, MapShape):
        return st.dictionaries(st.sampled_from(_ODD), values(shape.value, name, depth + 1), max_size=2)
    if isinstance(shape, StringShape) or shape.type_name == "string":
        sound = list(getattr(shape, "enum", None) or _KNOWN.get(name, ["a"]))
        return st.sampled_from([*sound * 6, *_ODD])
    if shape.type_name in ("integer", "long"):
        return st.sampled_from(_NUMBERS)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name in ("double", "float"):
        return st.sampled_from([-1.0, 0.0, 1.5, 1e300])
    return st.sampled_from([0, 1_700_000_000])


def _thinned(known: dict[str, Any], required: set[str], depth: int) -> dict[str, Any]:
    """Return at most six optional members, so that a request is not refused for everything at once."""
    optional = [member for member in known if member not in required]
    kept = {*required, *optional[: 6 if depth == 0 else 4]}
    return {member: value for member, value in known.items() if member in kept}


@pytest.fixture
def send(stack: Any) -> Send:
    """Posts a JSON body as an SDK would that validates nothing; answers status and body."""

    def post(operation: str, body: dict[str, Any]) -> tuple[int, Any]:
        data = json.dumps(body).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{MODEL.metadata['targetPrefix']}.{operation}",
            "Authorization": _MARK,
        }
        request = Request.from_values(
            method="POST", path="/", base_url="http://127.0.0.1:1", data=data, headers=headers
        )
        response = stack.world.gateway.handle(request)
        return response.status_code, json.loads(response.get_data() or b"{}")

    return post


def _stock(stack: Any) -> None:
    """Put back what a successful request took away."""
    ecs = stack.ecs
    ecs.create_cluster(clusterName="main")
    for _ in range(3):
        services = ecs.describe_services(cluster="main", services=["app"])["services"]
        if services and services[0]["status"] == "ACTIVE":
            break
        if services and services[0]["status"] == "DRAINING":
            stack.advance(300)
            continue
        stack.serve(stack.define(), desiredCount=1)


def _sound(stack: Any) -> dict[str, dict[str, Any]]:
    """Requests that would succeed, by operation."""
    network = {"networkConfiguration": stack.network}
    container = {
        "name": "app",
        "image": "app:v1",
        "portMappings": [{"containerPort": 80}],
        "environment": [{"name": "A", "value": "b"}],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "x"}},
        "healthCheck": {"command": ["CMD", "true"]},
        "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
        "dependsOn": [],
        "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
    }
    strategy = [{"capacityProvider": "FARGATE", "weight": 1, "base": 1}]
    service = {"taskDefinition": "app", "desiredCount": 1, **network}
    return {
        "CreateCluster": {
            "clusterName": "other",
            "capacityProviders": ["FARGATE"],
            "tags": [{"key": "a", "value": "b"}],
        },
        "PutClusterCapacityProviders": {
            "cluster": "main",
            "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "defaultCapacityProviderStrategy": strategy,
        },
        "UpdateCluster": {"cluster": "main", "settings": [{"name": "containerInsights", "value": "enabled"}]},
        "RegisterTaskDefinition": {
            "family": "app",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": stack.role,
            "containerDefinitions": [container],
            "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
        },
        "CreateService": {"cluster": "main", "serviceName": "second", "capacityProviderStrategy": strategy, **service},
        "UpdateService": {
            "cluster": "main",
            "service": "app",
            "deploymentConfiguration": {
                "maximumPercent": 200,
                "minimumHealthyPercent": 50,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            },
            **service,
        },
        "RunTask": {
            "cluster": "main",
            "taskDefinition": "app",
            "launchType": "FARGATE",
            "count": 1,
            "overrides": {"containerOverrides": [{"name": "app", "command": ["x"]}]},
            **network,
        },
        "TagResource": {"resourceArn": f"{_ARN}:service/main/app", "tags": [{"key": "a", "value": "b"}]},
    }


@st.composite
def broken(draw: st.DrawFn, shape: Shape, sound: Any, depth: int = 0) -> Any:
    """A sound value with one member, somewhere in it, left out, added or replaced."""
    if isinstance(shape, ListShape) and sound and draw(st.booleans()):
        return [draw(broken(shape.member, sound[0], depth + 1)), *sound[1:]]
    if isinstance(shape, StructureShape) and isinstance(sound, dict):
        present = [member for member in sound if member in shape.members]
        member = draw(st.sampled_from([*present, *present, *shape.members]))
        if member in sound and draw(st.integers(0, 7)) == 0:
            return {name: value for name, value in sound.items() if name != member}
        if member in sound and draw(st.booleans()):
            return {**sound, member: draw(broken(shape.members[member], sound[member], depth + 1))}
        return {**sound, member: draw(values(shape.members[member], member, 3))}
    return draw(values(shape, "", 3))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def _fuzz(stack: Any, send: Send, sound: dict[str, dict[str, Any]], known: list[Any], data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from([*OPERATIONS, *list(sound) * 8]), label="operation")
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    strategy = broken(shape, sound[operation]) if operation in sound else values(shape)
    body = data.draw(strategy, label="body")
    status, answer = send(operation, body)
    assert status < 500 or status == 501, (operation, body, answer)
    if operation.startswith(("Describe", "List")):
        return
    if status == 200:
        _stock(stack)
        known[:] = [describe_ecs(stack.ecs)]
    else:
        assert describe_ecs(stack.ecs) == known[0], (operation, body, answer)


def test_no_operation_fails_and_no_refusal_leaves_a_trace(stack: Any, send: Send) -> None:
    """Every request gets a result, AWS's refusal, or a 501 by name; a refusal changes nothing."""
    stack.define()
    stack.serve(stack.define(), desiredCount=1)
    stack.settle()
    _fuzz(stack, send, _sound(stack), [describe_ecs(stack.ecs)])
