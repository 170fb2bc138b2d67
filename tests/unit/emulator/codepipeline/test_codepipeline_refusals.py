"""Requests that CodePipeline refuses: its codes, its words where they are known, and no trace.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html ,
https://docs.aws.amazon.com/codepipeline/latest/userguide/pipeline-requirements.html ; quoted messages are from reports.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import ACCOUNT, ROLE, Stack, action, open_stack, trust

FAR = f"arn:aws:iam::{ACCOUNT}:role/far"


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack()
    yield opened
    opened.world.close()


def build(p: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = p["stages"][1]["actions"][0]
    return found


def deploy(p: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = p["stages"][2]["actions"][0]
    return found


REFUSED: list[tuple[Callable[[dict[str, Any]], Any], str, str]] = [
    (
        lambda p: p["artifactStore"].update(location="gone"),
        "InvalidStructureException",
        # github.com/aws-samples/aws-ecs-anywhere-workshop-samples/issues/4
        "An error occurred while validating the artifact bucket 'gone': No bucket with the name gone was found. Choose a valid "
        "artifact bucket in 'eu-west-1', or create a new artifact bucket to use in your pipeline.",
    ),
    (
        lambda p: deploy(p).update(roleArn=FAR),
        "InvalidStructureException",
        f"{ROLE} is not authorized to perform AssumeRole on role {FAR}",
    ),
    (
        lambda p: p.update(roleArn=FAR + "x"),
        "InvalidStructureException",
        "is not authorized to perform AssumeRole on role",
    ),
    (lambda p: p.update(roleArn="pipeline"), "ValidationException", "'pipeline.roleArn' failed to satisfy constraint"),
    (lambda p: p.update(name="a b"), "ValidationException", "'pipeline.name' failed to satisfy constraint"),
    (lambda p: p["stages"][1].update(name="é"), "ValidationException", "'pipeline.stages.2.member.name'"),
    (lambda p: build(p).update(runOrder=1000), "ValidationException", "less than or equal to 999"),
    (
        lambda p: build(p)["configuration"].update(EnvironmentVariables="x" * 1001),
        "ValidationException",
        "'pipeline.stages.2.member.actions.1.member.configuration' failed to satisfy constraint: Map value must satisfy "
        "constraint: [Member must have length less than or equal to 1000, Member must have length greater than or equal to 1]",
    ),
    (lambda p: build(p).update(region="us-east-1"), "InvalidStructureException", "artifactStores"),
    (
        lambda p: (
            p.update(artifactStores={"eu-west-1": p.pop("artifactStore")}),
            build(p).update(region="us-east-1"),
        ),
        "InvalidStructureException",
        "us-east-1",
    ),
    (
        lambda p: p.update(artifactStores={"us-east-1": p.pop("artifactStore")}),
        "InvalidStructureException",
        "the pipeline's own region, eu-west-1",
    ),
    (
        lambda p: p["stages"][0]["actions"][0].update(region="eu-west-1"),
        "InvalidActionDeclarationException",
        "cross-region",
    ),
    (
        lambda p: build(p).update(inputArtifacts=[{"name": "SourceArtifact"}] * 2),
        "InvalidActionDeclarationException",
        "more than once",
    ),
    (
        lambda p: deploy(p)["configuration"].update(DeploymentTimeout="61"),
        "InvalidActionDeclarationException",
        "from 1 to 60",
    ),
    (
        lambda p: build(p)["configuration"].update(BatchEnabled="yes"),
        "InvalidActionDeclarationException",
        "true or false",
    ),
    (
        lambda p: p["stages"].extend(
            {"name": f"S{n}", "actions": [action("Approve", "Approval", "Manual")]} for n in range(48)
        ),
        "LimitExceededException",
        "at most 50",
    ),
    (
        lambda p: p["stages"][1]["actions"].extend(action(f"A{n}", "Approval", "Manual") for n in range(50)),
        "LimitExceededException",
        "at most 50",
    ),
    (
        lambda p: p.update(variables=[{"name": "A", "defaultValue": "1"}, {"name": "A", "defaultValue": "2"}]),
        "InvalidStructureException",
        "unique",
    ),
    (
        lambda p: p.update(
            triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "X"}}]
        ),
        "InvalidStructureException",
        "'X'",
    ),
    (
        lambda p: p.update(
            triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source"}}]
            * 2
        ),
        "InvalidStructureException",
        "more than one",
    ),
    (lambda p: p.update(pipelineType="V1", executionMode="QUEUED"), "InvalidStructureException", "V2"),
]


def test_a_structure_that_is_refused_leaves_no_pipeline(stack: Stack) -> None:
    """CreatePipeline and UpdatePipeline refuse alike, and GetPipeline shows what was there before."""
    stack.world.administrator("iam").create_role(RoleName="far", AssumeRolePolicyDocument=trust("ecs.amazonaws.com"))
    client = stack.pipelines
    stack.create()
    before = client.get_pipeline(name="web")
    executions = stack.executions()
    for change, code, words in REFUSED:
        declaration = copy.deepcopy(stack.declaration())
        change(declaration)
        for call, name in ((client.create_pipeline, "other"), (client.update_pipeline, "web")):
            with pytest.raises(ClientError) as refused:
                call(pipeline={**declaration, "name": declaration["name"] if declaration["name"] != "web" else name})
            error = refused.value.response["Error"]
            assert (error["Code"], words in error["Message"]) == (code, True), (words, error)
    assert [pipeline["name"] for pipeline in client.list_pipelines()["pipelines"]] == ["web"]
    after = client.get_pipeline(name="web")
    assert (after["pipeline"], after["metadata"]) == (before["pipeline"], before["metadata"])
    assert stack.executions() == executions


def test_a_pipeline_with_parameters_of_v2_is_v2(stack: Stack) -> None:
    """API_PipelineDeclaration: such parameters make a pipeline that names no type one of type V2."""
    declaration = stack.declaration()
    del declaration["pipelineType"]
    plain = stack.pipelines.create_pipeline(pipeline=declaration)["pipeline"]
    assert plain["pipelineType"] == "V1"
    declaration |= {"variables": [{"name": "A", "defaultValue": "1"}]}
    assert stack.pipelines.update_pipeline(pipeline=declaration)["pipeline"]["pipelineType"] == "V2"


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ([{"key": "aws:x", "value": ""}], "InvalidTagsException"),
        ([{"key": "a", "value": "1"}, {"key": "a", "value": "2"}], "InvalidTagsException"),
        ([{"key": "a", "value": "<b>"}], "InvalidTagsException"),
        ([{"key": f"k{n}", "value": ""} for n in range(50)], "TooManyTagsException"),
    ],
)
def test_tags_that_are_refused_are_not_taken_in_part(stack: Stack, tags: list[dict[str, str]], code: str) -> None:
    """limits.html: 50 tags, unique keys, no aws: prefix; a refused call adds none of them."""
    stack.create()
    arn = f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web"
    stack.pipelines.tag_resource(resourceArn=arn, tags=[{"key": "kept", "value": "yes"}])
    with pytest.raises(ClientError) as refused:
        stack.pipelines.tag_resource(resourceArn=arn, tags=[{"key": "good", "value": "1"}, *tags])
    assert refused.value.response["Error"]["Code"] == code
    assert stack.pipelines.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "kept", "value": "yes"}]
    with pytest.raises(ClientError) as refused:
        stack.pipelines.list_tags_for_resource(resourceArn="arn:aws:codepipeline:eu-west-1:x:web")
    assert refused.value.response["Error"]["Code"] in ("InvalidArnException", "ValidationException")
