"""A push on its way through a pipeline, and every way in which it can fail, with the words people find."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from tests.unit.emulator.codepipeline.stack import ROLE, Stack, open_stack

from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.engines.pipeline import Settings


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack()
    yield opened
    opened.world.close()


def deployed(stack: Stack) -> None:
    """Create, authorise, push, and let the build end: the ECS action is waiting for its deployment."""
    stack.create()
    stack.authorise()
    stack.push()
    stack.advance(60)


def test_a_push_deploys(stack: Stack) -> None:
    """A push becomes a source zip, a build, a new revision, a deployment and a succeeded execution."""
    stack.create()
    stack.authorise()
    commit = stack.push()
    assert "started execution" in stack.git.said[0]
    stack.advance(60)
    assert stack.newest()["status"] == "InProgress"
    assert stack.ecs.revisions[-1]["containerDefinitions"][0]["image"] == "repo:dev-1"
    assert stack.ecs.revisions[-1]["tags"] == [{"key": "team", "value": "web"}]
    stack.ecs.complete()
    stack.advance(15)
    newest = stack.newest()
    assert newest["status"] == "Succeeded"
    assert newest["trigger"]["triggerType"] == "WebhookV2"
    (revision,) = newest["sourceRevisions"]
    assert (revision["actionName"], revision["revisionId"]) == ("Source", commit)
    assert json.loads(revision["revisionSummary"])["ProviderType"] == "GitHub"


def test_artifacts_are_zips_in_the_store(stack: Stack) -> None:
    """Artifacts lie under <pipeline>/<first ten letters of the artifact>/<random> and hold the files at their root."""
    deployed(stack)
    source = stack.actions()["Source"]["output"]["outputArtifacts"][0]["s3location"]
    build = stack.actions()["Build"]["output"]["outputArtifacts"][0]["s3location"]
    assert source["bucket"] == "store"
    assert source["key"].rsplit("/", 1)[0] == "web/SourceArti"
    assert build["key"].rsplit("/", 1)[0] == "web/BuildArtif"
    content = stack.s3.get_object(Bucket="store", Key=source["key"])["Body"].read()
    assert sorted(zipfile.ZipFile(io.BytesIO(content)).namelist()) == ["app.py", "buildspec.yml"]


def test_every_call_is_made_with_the_pipelines_role(stack: Stack) -> None:
    """Actions call AWS with the pipeline's role."""
    deployed(stack)
    callers = {
        call.name: call.context.principal.role_arn
        for call in stack.world.gateway.calls
        if call.context.principal.kind == "session" and call.context.principal.service == "codepipeline.amazonaws.com"
    }
    expected = {
        "s3:PutObject",
        "s3:GetObject",
        "codebuild:StartBuild",
        "codebuild:BatchGetBuilds",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition",
        "ecs:UpdateService",
    }
    assert expected <= callers.keys()
    assert set(callers.values()) == {ROLE}


def test_output_variables_reach_the_record(stack: Stack) -> None:
    """The source's and the build's variables are shown by ListActionExecutions."""
    deployed(stack)
    actions = stack.actions()
    assert actions["Source"]["output"]["outputVariables"]["CommitMessage"] == "A change\n\nWith a body"
    assert actions["Build"]["output"]["outputVariables"] == {"IMAGE_TAG": "dev-1"}


def test_pending_connection_dies_at_source(stack: Stack) -> None:
    """A connection that was never authorised cannot be used, and the execution fails at Source (connections-update.html)."""
    stack.create()
    stack.push()
    stack.advance(1)
    assert [execution["status"] for execution in stack.executions()] == ["Failed", "Failed"]
    assert stack.failure("Source") == ("ConfigurationError", f"Connection {stack.connection_arn} is not available")


def test_branch_that_does_not_exist(stack: Stack) -> None:
    """The first execution of a pipeline over an empty repository fails at Source and names branch and repository."""
    stack.authorise()
    stack.create()
    assert stack.newest()["trigger"]["triggerType"] == "CreatePipeline"
    assert stack.failure("Source")[1] == "[GitHub] No Branch [main] found for FullRepositoryName [acme/web]"


def test_push_to_another_branch_starts_nothing(stack: Stack) -> None:
    """A push to any other branch or repository starts nothing."""
    stack.create()
    stack.authorise()
    for where in ({"branch": "other"}, {"repository": "acme/api"}):
        stack.push(**where)
        assert stack.git.said == [None]
    stack.advance(1)
    assert len(stack.executions()) == 1


@pytest.mark.parametrize(
    ("missing", "action", "words"),
    [
        ("Store", "Source", "s3:PutObject"),
        ("Connection", "Source", "Unable to use Connection: "),
        ("Build", "Build", "Error calling startBuild: User: "),
        ("Service", "Deploy", "ecs:DescribeServices"),
        ("Definitions", "Deploy", "ecs:DescribeTaskDefinition"),
        ("Pass", "Deploy", "iam:PassRole"),
    ],
)
def test_a_missing_permission_fails_the_action_that_needs_it(
    stack: Stack, missing: str, action: str, words: str
) -> None:
    """Each statement of the pipeline's role is needed: without it the action fails and names the permission."""
    stack.create()
    stack.authorise()
    stack.allow(without=missing)
    stack.push()
    stack.advance(60)
    code, message = stack.failure(action)
    assert code == "PermissionError"
    assert words in message
    assert stack.newest()["status"] == "Failed"


@pytest.mark.parametrize(
    ("commands", "action", "words"),
    [
        ("fail", "Build", "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR"),
        ("tag, wrong", "Deploy", "Invalid action configuration: The AWS ECS container web does not exist"),
    ],
)
def test_a_bad_commit_stops_where_it_is_bad(stack: Stack, commands: str, action: str, words: str) -> None:
    """Failing tests stop at Build, an unknown container at Deploy; nothing is deployed."""
    stack.create()
    stack.authorise()
    stack.push(commands)
    stack.advance(60)
    assert words in stack.failure(action)[1]
    assert len(stack.ecs.revisions) == 1


def test_artifact_without_image_definitions(stack: Stack) -> None:
    """file-reference.html: an artifact without imagedefinitions.json fails the deploy action."""
    stack.create()
    stack.authorise()
    text = "version: 0.2\nphases: {build: {commands: [other]}}\nartifacts: {files: [other.json]}\n"
    stack.git.push({"buildspec.yml": text})
    stack.advance(60)
    assert "Did not find the image definition file imagedefinitions.json" in stack.failure("Deploy")[1]


def test_rollback_fails_the_deploy_action(stack: Stack) -> None:
    """However stable the service is after a rollback, the action has failed."""
    deployed(stack)
    stack.ecs.roll_back()
    stack.advance(15)
    assert stack.newest()["status"] == "Failed"
    assert "circuit breaker: rolling back" in stack.failure("Deploy")[1]


def test_rollback_may_wait_for_the_timeout() -> None:
    """The action stays in progress after a rollback with ecs_rollback="timeout", and fails after an hour."""
    stack = open_stack(CodePipelineSettings(engine=Settings(ecs_rollback="timeout")))
    try:
        deployed(stack)
        stack.ecs.roll_back()
        stack.advance(1800)
        assert stack.newest()["status"] == "InProgress"
        stack.advance(1800)
        assert stack.newest()["status"] == "Failed"
        assert "timed out" in stack.failure("Deploy")[1]
    finally:
        stack.world.close()


def test_service_that_does_not_exist(stack: Stack) -> None:
    """A deploy action without an existing service fails with that reason."""
    declaration = stack.declaration()
    declaration["stages"][-1]["actions"][0]["configuration"]["ServiceName"] = "nope"
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance()
    stack.authorise()
    policy = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    stack.world.administrator("iam").put_role_policy(
        RoleName="pipeline",
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [policy]}),
    )
    stack.push()
    stack.advance(60)
    assert stack.failure("Deploy")[1] == "Invalid action configuration: The AWS ECS service nope does not exist"


def test_bucket_source(stack: Stack) -> None:
    """action-reference-S3.html: a new object starts the polling pipeline; its version is the revision."""
    stack.create(source="bucket")
    assert "does not exist" in stack.failure("Source")[1]
    archive = stack.git.archive("", stack.push())
    version = stack.s3.put_object(Bucket="source", Key="src.zip", Body=archive)["VersionId"]
    stack.advance(60)
    newest = stack.newest()
    assert newest["trigger"]["triggerType"] == "PollForSourceChanges"
    assert newest["sourceRevisions"][0]["revisionId"] == version
    assert stack.actions()["Source"]["output"]["outputVariables"]["VersionId"] == version
    assert stack.actions()["Build"]["status"] == "Succeeded"


def test_events_are_announced(stack: Stack) -> None:
    """detect-state-changes-cloudwatch-events.html: source, resources and details of what is published."""
    deployed(stack)
    stack.ecs.complete()
    stack.advance(15)
    newest = stack.newest()["pipelineExecutionId"]
    events = [
        event.envelope for event in stack.world.bus.history if event.envelope["detail"].get("execution-id") == newest
    ]
    states = [
        event["detail"]["state"]
        for event in events
        if event["detail-type"] == "CodePipeline Pipeline Execution State Change"
    ]
    assert states == ["STARTED", "SUCCEEDED"]
    assert {event["source"] for event in events} == {"aws.codepipeline"}
    assert {tuple(event["resources"]) for event in events} == {("arn:aws:codepipeline:eu-west-1:123456789012:web",)}
    action = next(event["detail"] for event in events if event["detail"].get("action") == "Deploy")
    assert action["region"] == "eu-west-1"
    assert action["start-time"].endswith("Z")
