"""Triggers and variables of V2 pipelines, through the API: what starts, at which revision, with which values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import Stack, open_stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack()
    yield opened
    opened.world.close()


def trigger(**git: Any) -> list[dict[str, Any]]:
    return [{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", **git}}]


def started(stack: Stack) -> bool:
    return stack.git.said != [None]


def source(stack: Stack) -> dict[str, str]:
    """Return the output variables of the newest execution's source action."""
    stack.advance(1)
    variables: dict[str, str] = stack.actions()["Source"]["output"]["outputVariables"]
    return variables


def test_file_paths_choose_pushes(stack: Stack) -> None:
    """A push starts the pipeline when a file that changed is included and not excluded."""
    paths = {"includes": ["app/**"], "excludes": ["**/README.md"]}
    stack.create(triggers=trigger(push=[{"branches": {"includes": ["main"]}, "filePaths": paths}]))
    stack.authorise()
    outcomes = {}
    for changed in (("app/a.py",), ("app/README.md",), ("docs/x.md",), ("docs/x.md", "app/b/c.py")):
        stack.push(paths=changed)
        outcomes[changed] = started(stack)
    assert list(outcomes.values()) == [True, False, False, True]


def test_a_tag_starts_a_pipeline_at_its_commit(stack: Stack) -> None:
    """A filter of tags ignores branches; the execution runs the tag's commit."""
    stack.create(triggers=trigger(push=[{"tags": {"includes": ["v*"], "excludes": ["v0*"]}}]))
    stack.authorise()
    commit = stack.push()
    assert not started(stack)
    stack.git.tag("v0.1", commit)
    assert not started(stack)
    stack.push()
    stack.git.tag("v1.0", commit)
    assert started(stack)
    assert source(stack)["CommitId"] == commit
    assert stack.newest()["trigger"]["triggerType"] == "WebhookV2"


def test_a_pull_request_runs_the_head_of_its_source_branch(stack: Stack) -> None:
    """The filter looks at the target branch and the event; the commit and BranchName are the source branch's."""
    stack.create(triggers=trigger(pullRequest=[{"events": ["OPEN", "UPDATED"], "branches": {"includes": ["main"]}}]))
    stack.authorise()
    stack.push()
    commit = stack.push(branch="feature/a")
    assert not started(stack)
    stack.git.pull_request("OPEN", "feature/a", "develop")
    assert not started(stack)
    stack.git.pull_request("CLOSED", "feature/a", "main")
    assert not started(stack)
    stack.git.pull_request("OPEN", "feature/a", "main")
    assert started(stack)
    assert (source(stack)["CommitId"], source(stack)["BranchName"]) == (commit, "feature/a")


def test_a_push_trigger_runs_the_branch_that_was_pushed(stack: Stack) -> None:
    """A trigger's branch replaces BranchName, which serves manual starts."""
    stack.create(triggers=trigger(push=[{"branches": {"includes": ["release/*"]}}]))
    stack.authorise()
    main = stack.push()
    release = stack.push(branch="release/1")
    assert (source(stack)["CommitId"], source(stack)["BranchName"]) == (release, "release/1")
    stack.pipelines.start_pipeline_execution(name="web")
    assert (source(stack)["CommitId"], source(stack)["BranchName"]) == (main, "main")


VARIABLES = [{"name": "STAGE", "defaultValue": "dev"}, {"name": "NOTE", "description": "anything"}]


def test_variables_reach_actions(stack: Stack) -> None:
    """A start's values override defaults, actions resolve them, and GetPipelineExecution shows them."""
    declaration = stack.declaration(variables=VARIABLES)
    environment = '[{"name": "STAGE", "value": "#{variables.STAGE}-#{variables.NOTE}-#{Src.BranchName}"}]'
    declaration["stages"][1]["actions"][0]["configuration"]["EnvironmentVariables"] = environment
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.authorise()
    stack.push()
    # A variable has no default: neither the creation nor a push has a value for it.
    assert stack.executions() == []
    assert "NOTE" in str(stack.git.said)
    execution = stack.pipelines.start_pipeline_execution(name="web", variables=[{"name": "NOTE", "value": "hi"}])
    stack.advance(30)
    resolved = stack.actions()["Build"]["input"]["resolvedConfiguration"]
    assert '"dev-hi-main"' in resolved["EnvironmentVariables"]
    shown = stack.pipelines.get_pipeline_execution(
        pipelineName="web", pipelineExecutionId=execution["pipelineExecutionId"]
    )["pipelineExecution"]
    assert {item["name"]: item["resolvedValue"] for item in shown["variables"]} == {"STAGE": "dev", "NOTE": "hi"}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"variables": [{"name": "NONE", "value": "1"}]}, "NONE"),
        ({"variables": [{"name": "A B", "value": "1"}]}, "failed to satisfy constraint"),
        ({"variables": [{"name": "STAGE", "value": "x" * 1001}]}, "less than or equal to 1000"),
        ({"variables": [{"name": "STAGE", "value": "1"}] * 2}, "one value at most"),
        ({"sourceRevisions": [{"actionName": "X", "revisionType": "COMMIT_ID", "revisionValue": "1"}]}, "X"),
        (
            {"sourceRevisions": [{"actionName": "Source", "revisionType": "IMAGE_DIGEST", "revisionValue": "1"}]},
            "expected COMMIT_ID",
        ),
    ],
)
def test_starts_that_are_refused(stack: Stack, request_: dict[str, Any], words: str) -> None:
    """Unknown names, values over the limits and revisions of another kind are refused, and nothing starts."""
    stack.create(variables=[VARIABLES[0]])
    with pytest.raises(ClientError, match=words) as refused:
        stack.pipelines.start_pipeline_execution(name="web", **request_)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert len(stack.executions()) == 1


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({"variables": [{"name": "a.b"}]}, "ValidationException", "failed to satisfy constraint"),
        ({"variables": [{"name": f"V{n}"} for n in range(51)]}, "ValidationException", "less than or equal to 50"),
        (
            {"triggers": trigger(push=[{"tags": {"includes": ["v"] * 9}}])},
            "ValidationException",
            "less than or equal to 8",
        ),
        ({"triggers": trigger(), "pipelineType": "V1"}, "InvalidStructureException", "V2"),
        ({"variables": [{"name": "V"}], "pipelineType": "V1"}, "InvalidStructureException", "V2"),
    ],
)
def test_declarations_that_are_refused(stack: Stack, members: dict[str, Any], code: str, words: str) -> None:
    """Bad names, lists over the limits and members of V2 in a V1 pipeline leave no pipeline."""
    with pytest.raises(ClientError, match=words) as refused:
        stack.pipelines.create_pipeline(pipeline=stack.declaration(**members))
    assert refused.value.response["Error"]["Code"] == code
    assert stack.pipelines.list_pipelines()["pipelines"] == []


def test_a_start_may_name_another_object(stack: Stack) -> None:
    """S3_OBJECT_KEY needs AllowOverrideForS3ObjectKey; then that object is fetched."""
    stack.s3.put_object(Bucket="source", Key="src.zip", Body=b"1")
    stack.s3.put_object(Bucket="source", Key="other.zip", Body=b"2")
    declaration = stack.declaration(source="bucket")
    stack.pipelines.create_pipeline(pipeline=declaration)
    revision = {"actionName": "Source", "revisionType": "S3_OBJECT_KEY", "revisionValue": "other.zip"}
    with pytest.raises(ClientError, match="AllowOverrideForS3ObjectKey"):
        stack.pipelines.start_pipeline_execution(name="web", sourceRevisions=[revision])
    declaration["stages"][0]["actions"][0]["configuration"]["AllowOverrideForS3ObjectKey"] = "true"
    stack.pipelines.update_pipeline(pipeline=declaration)
    stack.pipelines.start_pipeline_execution(name="web", sourceRevisions=[revision])
    assert source(stack)["ObjectKey"] == "other.zip"
