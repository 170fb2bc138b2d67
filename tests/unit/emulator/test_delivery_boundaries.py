"""CodePipeline, CodeBuild and CodeConnections at the limits of their models: no call breaks them, no refusal leaves a trace.

Requests are made of boundary values by botocore's models (lengths and numbers one below, at, and one above each limit, members
left out, names that are almost right), or are good requests with one part replaced by such a value.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.emulator.codepipeline.stack import ACCOUNT, ROLE, Stack, open_stack

from pushproof.emulator.services.codebuild import CodeBuildService
from pushproof.emulator.services.codepipeline import CodePipelineService
from pushproof.emulator.services.connections import ConnectionsService

SERVICES = ("codepipeline", "codebuild", "codestar-connections")
BUILD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/build"
PIPELINE_ARN = f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web"
UUID = "00000000-0000-0000-0000-000000000000"
NAMES = [
    "web", "nope", "", " ", "x y", "é", "$", "0", "-1", "\n", "{}", "[", '{"a":1}', "a/b", ROLE, BUILD_ROLE, PIPELINE_ARN,
    f"{ROLE}-gone", "store", "store/source.zip", "arn:", "arn:aws:s3:::store/x", "aws:reserved", UUID, "99999999999999999999",
    "#{Src.CommitId}", "#{nowhere.X}", "Source", "Build", "Deploy", "Approval", "Approve", "SourceArtifact",
]  # fmt: skip


def operations(*, implemented: bool) -> list[tuple[str, str]]:
    session = botocore.session.get_session()
    classes = {"codepipeline": CodePipelineService, "codebuild": CodeBuildService}
    return [
        (service, name)
        for service in SERVICES
        for name in session.get_service_model(service).operation_names
        if hasattr(classes.get(service, ConnectionsService), xform_name(name)) is implemented
    ]


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Right types, wrong sizes."""
    limits = shape.metadata
    if shape.type_name == "structure":
        required = {name: values(member) for name, member in shape.members.items() if name in shape.required_members}
        optional = {name: values(member) for name, member in shape.members.items() if name not in required}
        whole = st.fixed_dictionaries(required, optional=optional)
        return st.one_of(whole, st.fixed_dictionaries({}, optional={**required, **optional}))
    if shape.type_name == "list":
        return st.lists(values(shape.member), max_size=2)
    if shape.type_name == "map":
        return st.dictionaries(values(shape.key), values(shape.value), max_size=2)
    edges = [limits[limit] for limit in ("min", "max") if limits.get(limit) is not None]
    if shape.type_name == "string":
        lengths = {max(0, edge + step) for edge in edges if edge < 5000 for step in (-1, 0, 1)}
        choices = st.sampled_from([*NAMES, *("a" * length for length in sorted(lengths))])
        return st.one_of(st.sampled_from(limits["enum"]), choices) if limits.get("enum") else choices
    if shape.type_name in ("integer", "long"):
        near = {edge + step for edge in edges for step in (-1, 0, 1)}
        return st.sampled_from(sorted(near | {0, -1, 1, 5, 2**31 - 1, -(2**31)}))
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "timestamp":
        return st.just(0)
    return st.sampled_from([0.0, 1.5, -1.0])


def good(stack: Stack) -> dict[str, dict[str, Any]]:
    """A request that succeeds, or nearly, for operations that change something."""
    environment = {
        "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": [{"name": "A", "value": "b", "type": "PLAINTEXT"}],
    }  # fmt: skip
    project = {
        "name": "app", "serviceRole": BUILD_ROLE, "environment": environment, "timeoutInMinutes": 20,
        "source": {"type": "S3", "location": "store/source.zip"}, "artifacts": {"type": "S3", "location": "store"},
        "secondarySources": [{"type": "S3", "location": "store/x.zip", "sourceIdentifier": "lib"}],
        "cache": {"type": "S3", "location": "store/cache"}, "tags": [{"key": "a", "value": "b"}],
        "logsConfig": {"s3Logs": {"status": "ENABLED", "location": "store/logs"}},
    }  # fmt: skip
    where = {"pipelineName": "web", "stageName": "Build"}
    newest = stack.newest()["pipelineExecutionId"]
    return {
        "CreatePipeline": {"pipeline": stack.declaration(approval=True) | {"name": "other"},
                           "tags": [{"key": "a", "value": "b"}]},
        "UpdatePipeline": {"pipeline": stack.declaration(approval=True)},
        "StartPipelineExecution": {"name": "web", "clientRequestToken": "token",
                                   "sourceRevisions": [{"actionName": "Source", "revisionType": "COMMIT_ID",
                                                        "revisionValue": "0" * 40}]},
        "StopPipelineExecution": {"pipelineName": "web", "pipelineExecutionId": newest, "abandon": True},
        "RetryStageExecution": {**where, "pipelineExecutionId": newest, "retryMode": "FAILED_ACTIONS"},
        "RollbackStage": {**where, "targetPipelineExecutionId": newest},
        "DisableStageTransition": {**where, "transitionType": "Inbound", "reason": "hold"},
        "EnableStageTransition": {**where, "transitionType": "Inbound"},
        "PutApprovalResult": {"pipelineName": "web", "stageName": "Approval", "actionName": "Approve", "token": UUID,
                              "result": {"status": "Approved", "summary": "go"}},
        "ListActionExecutions": {"pipelineName": "web", "maxResults": 1, "nextToken": "1",
                                 "filter": {"pipelineExecutionId": newest}},
        "ListPipelineExecutions": {"pipelineName": "web", "maxResults": 1, "nextToken": "1"},
        "GetPipelineExecution": {"pipelineName": "web", "pipelineExecutionId": newest},
        "CreateProject": project,
        "UpdateProject": project | {"name": "web"},
        "StartBuild": {"projectName": "web", "idempotencyToken": str(uuid.uuid4()), "timeoutInMinutesOverride": 5,
                       "artifactsOverride": {"type": "NO_ARTIFACTS"}, "sourceTypeOverride": "NO_SOURCE",
                       "buildspecOverride": "version: 0.2\nphases: {build: {commands: [a]}}",
                       "environmentVariablesOverride": [{"name": "A", "value": "b"}]},
        "CreateConnection": {"ConnectionName": "x", "ProviderType": "GitHub", "Tags": [{"Key": "a", "Value": "b"}]},
        "CreateHost": {"Name": "h", "ProviderType": "GitHubEnterpriseServer", "ProviderEndpoint": "https://x.example"},
    }  # fmt: skip


def replaced(request: dict[str, Any], shape: Any, draw: Any) -> dict[str, Any]:
    """A copy with one part, anywhere, replaced by a boundary value or left out."""
    spoilt = copy.deepcopy(request)
    parent, key, here = spoilt, draw(st.sampled_from(sorted(spoilt))), shape
    while True:
        member = (
            here.members[key]
            if here.type_name == "structure"
            else here.value
            if here.type_name == "map"
            else here.member
        )
        inner = parent[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
            break
        parent, here = inner, member
        key = draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))))
    if isinstance(parent, dict) and draw(st.integers(0, 4)) == 0:
        del parent[key]
    else:
        parent[key] = draw(values(member))
    return spoilt


@pytest.fixture(scope="module")
def opened() -> Iterator[Stack]:
    made = open_stack()
    made.authorise()
    yield made
    made.world.close()


@pytest.fixture
def stack(opened: Stack) -> Stack:
    """A pipeline that waits for approval, and its project, whatever calls before have deleted or changed."""
    codebuild = opened.world.administrator("codebuild")
    pipelines = opened.pipelines.list_pipelines()["pipelines"]
    projects = codebuild.list_projects()["projects"]
    if (
        "web" in projects
        and "app" not in projects
        and [(pipeline["name"], pipeline["version"]) for pipeline in pipelines] == [("web", 1)]
    ):
        return opened
    for pipeline in pipelines:
        opened.pipelines.delete_pipeline(name=pipeline["name"])
    for project in projects:
        codebuild.delete_project(name=project)
    codebuild.create_project(
        name="web",
        serviceRole=BUILD_ROLE,
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
    )
    opened.create(approval=True)
    opened.push()
    opened.advance(60)
    return opened


def kept(stack: Stack) -> str:
    """Return everything that the three services store."""
    pipelines, builds = stack.world.services["codepipeline"], stack.world.services["codebuild"]
    connections = stack.world.services["codestar-connections"]
    return repr(
        (
            pipelines._pipelines,
            builds._projects,
            builds._builds,
            builds._handoffs,
            connections.connections,
            connections.hosts,
        )
    )


def call(stack: Stack, service: str, operation: str, request: dict[str, Any]) -> tuple[int, str]:
    """The status and error code of a call, sent as it is."""
    client = stack.world.administrator(service)
    client._serializer = getattr(client._serializer, "_serializer", client._serializer)
    try:
        client._make_api_call(operation, request)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    except (ParamValidationError, ValueError, TypeError, AttributeError):
        # What cannot be written down is not sent.
        return 400, "not sent"
    return 200, ""


def test_missing_operations_say_so(opened: Stack) -> None:
    """A 501 by name, whatever the request holds; never a plausible empty answer."""
    missing = operations(implemented=False)
    assert len(missing) > 50
    for service, name in missing:
        status, code = call(opened, service, name, {})
        assert (status, code) in ((501, "NotImplemented"), (400, "not sent")), f"{service}:{name}: {status} {code}"


@pytest.mark.parametrize(("service", "operation"), operations(implemented=True), ids=lambda part: str(part))
def test_no_call_breaks_the_plane_and_no_refusal_leaves_a_trace(stack: Stack, service: str, operation: str) -> None:
    """Every answer is a success, AWS's refusal, or a 501; what was refused changed nothing."""
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    base = good(stack).get(operation)

    @settings(
        max_examples=16 if base is not None else 6,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def try_it(data: st.DataObject) -> None:
        spoil = base is not None and data.draw(st.integers(0, 3)) > 0
        request = replaced(base, shape, data.draw) if spoil and base is not None else data.draw(values(shape))
        before = kept(stack)
        status, code = call(stack, service, operation, request)
        assert status < 500 or status == 501, (request, code)
        if status >= 400:
            assert kept(stack) == before, (request, code)

    try_it()


def test_good_requests_succeed(stack: Stack) -> None:
    """The requests that are spoilt above are good before: the test would otherwise judge refusals alone."""
    requests = good(stack)
    answers = {
        name: call(stack, service, name, requests[name])
        for service, name in operations(implemented=True)
        if name in ("CreatePipeline", "CreateProject", "StartBuild", "CreateConnection", "CreateHost", "UpdateProject")
    }
    assert len(answers) == 6
    assert set(answers.values()) == {(200, "")}, answers
