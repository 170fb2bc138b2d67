"""The API that Terraform, the CLI and people use."""

from __future__ import annotations

import json
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


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_what_terraform_does_with_a_pipeline(stack: Stack) -> None:
    """Create with tags, read, update, tag, untag, delete: each answer is what the next plan compares with."""
    client, declaration = stack.pipelines, stack.declaration()
    created = client.create_pipeline(pipeline=declaration, tags=[{"key": "team", "value": "web"}])
    assert (created["pipeline"]["version"], created["tags"]) == (1, [{"key": "team", "value": "web"}])
    read = client.get_pipeline(name="web")
    arn = read["metadata"]["pipelineArn"]
    assert arn == "arn:aws:codepipeline:eu-west-1:123456789012:web"
    assert read["pipeline"]["stages"][0]["actions"][0]["configuration"]["BranchName"] == "main"
    assert read["pipeline"]["executionMode"] == "SUPERSEDED"
    assert read["pipeline"]["stages"][1]["actions"][0]["runOrder"] == 1
    client.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "dev"}])
    client.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "stage", "value": "dev"}]
    declaration["stages"][0]["actions"][0]["configuration"]["BranchName"] = "develop"
    assert client.update_pipeline(pipeline=declaration)["pipeline"]["version"] == 2
    assert client.get_pipeline(name="web", version=1)["pipeline"]["version"] == 1
    assert [pipeline["name"] for pipeline in client.list_pipelines()["pipelines"]] == ["web"]
    client.delete_pipeline(name="web")
    assert code(client.get_pipeline, name="web") == "PipelineNotFoundException"
    client.delete_pipeline(name="web")


def test_refusals_carry_awss_codes(stack: Stack) -> None:
    """Structures and names that CodePipeline refuses are refused under its codes; what is out of reach is a 501."""
    client = stack.pipelines
    stack.create()
    assert code(client.create_pipeline, pipeline=stack.declaration()) == "PipelineNameInUseException"
    assert code(client.get_pipeline, name="web", version=7) == "PipelineVersionNotFoundException"
    assert code(client.start_pipeline_execution, name="nope") == "PipelineNotFoundException"
    broken = stack.declaration() | {"name": "other"}
    broken["stages"] = broken["stages"][:1]
    assert code(client.create_pipeline, pipeline=broken) == "InvalidStructureException"
    elsewhere = stack.declaration() | {"name": "other"}
    elsewhere["stages"][-1]["actions"][0]["actionTypeId"]["provider"] = "CodeDeploy"
    assert code(client.create_pipeline, pipeline=elsewhere) == "NotImplemented"
    batch = stack.declaration() | {"name": "other"}
    batch["stages"][1]["actions"][0]["configuration"]["BatchEnabled"] = "true"
    assert code(client.create_pipeline, pipeline=batch) == "NotImplemented"
    stranger = stack.declaration() | {"name": "other", "roleArn": "arn:aws:iam::123456789012:role/task"}
    assert code(client.create_pipeline, pipeline=stranger) == "InvalidStructureException"
    unknown = "arn:aws:codepipeline:eu-west-1:123456789012:nope"
    assert code(client.list_tags_for_resource, resourceArn=unknown) == "ResourceNotFoundException"


def test_state_of_a_failed_pipeline(stack: Stack) -> None:
    """GetPipelineState: stages in order, the failed action with its error, untouched stages without executions."""
    stack.create()
    stages = stack.stages()
    assert list(stages) == ["Source", "Build", "Deploy"]
    assert stages["Source"]["latestExecution"]["status"] == "Failed"
    assert "is not available" in stages["Source"]["actionStates"][0]["latestExecution"]["errorDetails"]["message"]
    assert "latestExecution" not in stages["Build"]
    assert stages["Build"]["inboundTransitionState"] == {"enabled": True}


def test_approval(stack: Stack) -> None:
    """approvals-json-format.html: the request reaches the topic; the token from GetPipelineState approves it, once."""
    sns, sqs = stack.world.administrator("sns"), stack.world.administrator("sqs")
    topic = sns.create_topic(Name="approvals")["TopicArn"]
    admits = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [admits]})
    queue = sqs.create_queue(QueueName="inbox", Attributes={"Policy": policy})["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:eu-west-1:123456789012:inbox",
        Attributes={"RawMessageDelivery": "true"},
    )
    declaration = stack.declaration(approval=True)
    declaration["stages"][2]["actions"][0]["configuration"] = {
        "NotificationArn": topic,
        "CustomData": "Roll out?",
        "ExternalEntityLink": "https://example.com/#{Src.CommitId}",
    }
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance()
    stack.authorise()
    commit = stack.push()
    stack.advance(60)
    pending = stack.stages()["Approval"]["actionStates"][0]
    token = pending["latestExecution"]["token"]
    assert pending["entityUrl"] == f"https://example.com/{commit}"
    message = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert message["approval"]["token"] == token
    assert message["approval"]["customData"] == "Roll out?"
    assert message["approval"]["externalEntityLink"] == f"https://example.com/{commit}"
    answer = {
        "pipelineName": "web",
        "stageName": "Approval",
        "actionName": "Approve",
        "result": {"status": "Approved", "summary": "go"},
    }
    wrong = "00000000-0000-0000-0000-000000000000"
    assert code(stack.pipelines.put_approval_result, **answer, token=wrong) == "InvalidApprovalTokenException"
    stack.pipelines.put_approval_result(**answer, token=token)
    assert code(stack.pipelines.put_approval_result, **answer, token=token) == "ApprovalAlreadyCompletedException"
    stack.advance(1)
    assert stack.actions()["Approve"]["updatedBy"].startswith("arn:aws:iam::")
    assert len(stack.ecs.revisions) == 2


def test_stop_retry_and_rollback(stack: Stack) -> None:
    """Stop abandons, retry continues from the failed stage, rollback deploys the artifacts of an earlier execution."""
    client = stack.pipelines
    stack.create()
    stack.authorise()
    stack.push()
    stack.advance(60)
    stack.ecs.complete()
    stack.advance(15)
    good = stack.newest()["pipelineExecutionId"]
    stack.push()
    stack.advance(60)
    second = stack.newest()["pipelineExecutionId"]
    arguments = {"pipelineName": "web", "pipelineExecutionId": second}
    client.stop_pipeline_execution(**arguments, abandon=True, reason="wrong")
    assert stack.newest()["status"] == "Stopped"
    assert stack.newest()["stopTrigger"] == {"reason": "wrong"}
    assert code(client.stop_pipeline_execution, **arguments) == "PipelineExecutionNotStoppableException"
    client.retry_stage_execution(**arguments, stageName="Deploy", retryMode="FAILED_ACTIONS")
    stack.advance(1)
    stack.ecs.complete()
    stack.advance(15)
    assert stack.newest()["status"] == "Succeeded"
    assert stack.stages()["Deploy"]["retryStageMetadata"]["manualStageRetryAttempt"] == 1
    rollback = client.rollback_stage(pipelineName="web", stageName="Deploy", targetPipelineExecutionId=good)
    stack.advance(1)
    stack.ecs.complete()
    stack.advance(15)
    found = client.get_pipeline_execution(pipelineName="web", pipelineExecutionId=rollback["pipelineExecutionId"])
    execution = found["pipelineExecution"]
    assert (execution["status"], execution["executionType"]) == ("Succeeded", "ROLLBACK")
    assert execution["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}


def test_transitions(stack: Stack) -> None:
    """DisableStageTransition holds executions before the stage, which GetPipelineState shows; enabling lets them in."""
    stack.create()
    stack.authorise()
    where = {"pipelineName": "web", "stageName": "Build", "transitionType": "Inbound"}
    stack.pipelines.disable_stage_transition(**where, reason="freeze")
    stack.push()
    stack.advance(60)
    held = stack.stages()["Build"]
    assert held["inboundTransitionState"]["disabledReason"] == "freeze"
    assert held["inboundExecution"]["pipelineExecutionId"] == stack.newest()["pipelineExecutionId"]
    stack.pipelines.enable_stage_transition(**where)
    stack.advance(60)
    assert stack.stages()["Build"]["latestExecution"]["status"] == "Succeeded"


def test_start_with_variables_and_a_commit(stack: Stack) -> None:
    """StartPipelineExecution resolves variables, uses the requested source revision, and treats tokens as idempotent."""
    stack.authorise()
    declaration = stack.declaration(variables=[{"name": "tag", "defaultValue": "none"}])
    declaration["stages"][1]["actions"][0]["configuration"]["EnvironmentVariables"] = json.dumps(
        [{"name": "TAG", "value": "#{variables.tag}", "type": "PLAINTEXT"}]
    )
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance()
    first = stack.push()
    stack.push()
    stack.advance(60)
    started = stack.pipelines.start_pipeline_execution(
        name="web",
        variables=[{"name": "tag", "value": "v1"}],
        sourceRevisions=[{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": first}],
        clientRequestToken="once",
    )
    again = stack.pipelines.start_pipeline_execution(name="web", clientRequestToken="once")
    assert again["pipelineExecutionId"] == started["pipelineExecutionId"]
    stack.ecs.complete()
    stack.advance(120)
    found = stack.pipelines.get_pipeline_execution(
        pipelineName="web", pipelineExecutionId=started["pipelineExecutionId"]
    )["pipelineExecution"]
    assert found["variables"] == [{"name": "tag", "resolvedValue": "v1"}]
    assert found["artifactRevisions"][0]["revisionId"] == first
    build = stack.actions()["Build"]["input"]["resolvedConfiguration"]
    assert json.loads(build["EnvironmentVariables"])[0]["value"] == "v1"


def test_pages(stack: Stack) -> None:
    """Lists are paged by nextToken, and a token that was never given is refused."""
    stack.create()
    for _ in range(2):
        stack.pipelines.start_pipeline_execution(name="web")
        stack.advance(1)
    page = stack.pipelines.list_pipeline_executions(pipelineName="web", maxResults=2)
    rest = stack.pipelines.list_pipeline_executions(pipelineName="web", nextToken=page["nextToken"])
    assert [len(page["pipelineExecutionSummaries"]), len(rest["pipelineExecutionSummaries"])] == [2, 1]
    assert (
        code(stack.pipelines.list_pipeline_executions, pipelineName="web", nextToken="x") == "InvalidNextTokenException"
    )


def test_trigger_filters_choose_branches(stack: Stack) -> None:
    """A V2 trigger's branch filter decides instead of BranchName; patterns stay within a path segment."""
    push = [{"branches": {"includes": ["release/*"], "excludes": ["release/old"]}}]
    trigger = {
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {"sourceActionName": "Source", "push": push},
    }
    stack.create(triggers=[trigger])
    stack.authorise()
    started = {}
    for branch in ("main", "release/1", "release/old", "release/1/hotfix"):
        stack.push(branch=branch)
        started[branch] = stack.git.said != [None]
    assert started == {"main": False, "release/1": True, "release/old": False, "release/1/hotfix": False}


def test_a_rule_starts_a_pipeline(stack: Stack) -> None:
    """A rule with the pipeline as target starts it, with the target's role, and the trigger shows this."""
    stack.create()
    iam, events = stack.world.administrator("iam"), stack.world.administrator("events")
    arn = "arn:aws:codepipeline:eu-west-1:123456789012:web"
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="starter", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    events.put_rule(Name="start", EventPattern='{"source": ["my.app"]}')
    events.put_targets(Rule="start", Targets=[{"Id": "pipeline", "Arn": arn, "RoleArn": role}])
    entry = {"Source": "my.app", "DetailType": "go", "Detail": "{}"}
    events.put_events(Entries=[entry])
    stack.advance(1)
    assert len(stack.executions()) == 1
    assert stack.world.bus.deliveries[-1].error_code == "NO_PERMISSIONS"
    statement = {"Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": arn}
    iam.put_role_policy(
        RoleName="starter",
        PolicyName="start",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    events.put_events(Entries=[entry])
    stack.advance(1)
    assert stack.newest()["trigger"]["triggerType"] == "CloudWatchEvent"
