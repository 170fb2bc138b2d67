"""An execution keeps the version it was started with through UpdatePipeline and DeletePipeline.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-edit.html (running actions complete),
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineExecution.html (pipelineVersion; Cancelled)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import ACCOUNT, ROLE, Stack, action, open_stack, trust

from pushproof.emulator.kernel.settings import CodePipelineSettings
from pushproof.engines.pipeline import Settings

OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/other"


def prepared(settings: CodePipelineSettings | None = None) -> Stack:
    """A stack with a second role and a second store, and a good commit waiting for approval."""
    stack = open_stack(settings)
    iam = stack.world.administrator("iam")
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust("codepipeline.amazonaws.com"))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="other", PolicyName="all", PolicyDocument=json.dumps(everything))
    stack.s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": stack.world.region})
    stack.create(approval=True)
    stack.authorise()
    stack.push()
    return stack


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = prepared()
    yield opened
    opened.world.close()


@pytest.fixture
def patient() -> Iterator[Stack]:
    """Return a stack in which an update of the structure cancels nothing."""
    opened = prepared(CodePipelineSettings(engine=Settings(update_cancels=False)))
    yield opened
    opened.world.close()


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def approve(stack: Stack, *, stage: str = "Approval") -> None:
    (details,) = stack.pipelines.list_action_executions(
        pipelineName="web",
        filter={"latestInPipelineExecution": {
            "pipelineExecutionId": stack.newest()["pipelineExecutionId"], "startTimeRange": "Latest"}},
    )["actionExecutionDetails"][:1]  # fmt: skip
    assert details["actionName"] == "Approve"
    pipeline = next(iter(stack.world.services["codepipeline"]._all()))
    execution = pipeline.state.executions[details["pipelineExecutionId"]]
    (run,) = execution.stages[stage].runs
    stack.pipelines.put_approval_result(
        pipelineName="web",
        stageName=stage,
        actionName="Approve",
        token=run.token,
        result={"status": "Approved", "summary": "go"},
    )


def callers(stack: Stack, since: int) -> set[str | None]:
    """The roles in which CodePipeline called AWS since so many calls."""
    return {
        call.context.principal.role_arn
        for call in list(stack.world.gateway.calls)[since:]
        if call.context.principal.kind == "session" and call.context.principal.service == "codepipeline.amazonaws.com"
    }


def test_a_running_execution_acts_as_the_role_of_its_version(stack: Stack) -> None:
    """An execution that waits for approval deploys with the old role after an update of the role."""
    stack.advance(60)
    stack.pipelines.update_pipeline(pipeline=stack.declaration(approval=True, roleArn=OTHER_ROLE))
    since = len(stack.world.gateway.calls)
    approve(stack)
    stack.advance(1)
    stack.ecs.complete()
    stack.advance(15)
    assert stack.newest()["status"] == "Succeeded"
    assert callers(stack, since) == {ROLE}
    stack.push()
    since = len(stack.world.gateway.calls)
    stack.advance(60)
    assert callers(stack, since) == {OTHER_ROLE}


def test_a_running_execution_keeps_store_and_key_of_its_version(stack: Stack) -> None:
    """Artifacts of an execution lie in the store, and under the key, that its version declared."""
    key = stack.world.administrator("kms").create_key()["KeyMetadata"]["Arn"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    stack.world.administrator("iam").put_role_policy(
        RoleName="pipeline", PolicyName="all", PolicyDocument=json.dumps(everything)
    )
    stack.advance(1)  # The source is fetched, the build runs.
    store = {"type": "S3", "location": "other", "encryptionKey": {"type": "KMS", "id": key}}
    stack.pipelines.update_pipeline(pipeline=stack.declaration(approval=True, artifactStore=store))
    stack.advance(60)
    places = {
        name: detail["output"]["outputArtifacts"][0]["s3location"]
        for name, detail in stack.actions().items()
        if detail["output"]["outputArtifacts"]
    }
    assert {name: place["bucket"] for name, place in places.items()} == {"Source": "store", "Build": "store"}
    approve(stack)
    stack.push()
    stack.advance(60)
    places = {
        name: detail["output"]["outputArtifacts"][0]["s3location"]
        for name, detail in stack.actions().items()
        if detail["output"]["outputArtifacts"]
    }
    assert {name: place["bucket"] for name, place in places.items()} == {"Source": "other", "Build": "other"}
    for place in places.values():
        head = stack.s3.head_object(Bucket=place["bucket"], Key=place["key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_running_execution_keeps_the_configuration_of_its_version(patient: Stack) -> None:
    """An action that had not begun when the pipeline was updated is configured as its execution's version says."""
    patient.advance(60)
    changed = patient.declaration(approval=True)
    changed["stages"][3]["actions"][0]["configuration"]["ServiceName"] = "another"
    patient.pipelines.update_pipeline(pipeline=changed)
    approve(patient)
    patient.advance(1)
    deploy = patient.actions()["Deploy"]
    assert deploy["pipelineVersion"] == 1
    assert deploy["input"]["resolvedConfiguration"]["ServiceName"] == "web"
    assert len(patient.ecs.revisions) == 2


def test_an_approval_of_a_stage_that_was_renamed_is_still_taken(patient: Stack) -> None:
    """PutApprovalResult accepts the name of the stage in the waiting execution."""
    patient.advance(60)
    renamed = patient.declaration(approval=True)
    renamed["stages"][2]["name"] = "Review"
    patient.pipelines.update_pipeline(pipeline=renamed)
    approve(patient)
    patient.advance(1)
    patient.ecs.complete()
    patient.advance(15)
    assert patient.newest()["status"] == "Succeeded"
    assert [stage["stageName"] for stage in patient.pipelines.get_pipeline_state(name="web")["stageStates"]] == [
        "Source", "Build", "Review", "Deploy"]  # fmt: skip


def test_an_update_of_the_structure_lets_running_actions_complete_and_cancels_then(stack: Stack) -> None:
    """The build that runs is not abandoned; the stage and the execution are Cancelled when it has completed."""
    stack.advance(1)
    assert stack.actions()["Build"]["status"] == "InProgress"
    stack.pipelines.update_pipeline(pipeline=stack.declaration())
    assert stack.newest()["status"] == "InProgress"
    stack.advance(120)
    assert stack.actions()["Build"]["status"] == "Succeeded"
    assert "Deploy" not in stack.actions()
    newest = stack.newest()
    assert newest["status"] == "Cancelled"
    assert newest["statusSummary"].startswith("The pipeline's structure was updated")
    execution = stack.pipelines.get_pipeline_execution(
        pipelineName="web", pipelineExecutionId=newest["pipelineExecutionId"]
    )["pipelineExecution"]
    assert execution["pipelineVersion"] == 1
    state = stack.pipelines.get_pipeline_state(name="web")
    assert state["pipelineVersion"] == 2
    assert stack.stages()["Build"]["latestExecution"]["status"] == "Cancelled"


def test_after_an_update_nothing_of_the_old_version_is_retried_or_rolled_back_to(stack: Stack) -> None:
    """actions-retry.html: the structure might have changed; stage-rollback.html: the target is outdated."""
    stack.advance(60)
    approve(stack)
    stack.advance(1)
    stack.ecs.complete()
    stack.advance(15)
    good = stack.newest()["pipelineExecutionId"]
    stack.push("fail")
    stack.advance(60)
    bad = stack.newest()["pipelineExecutionId"]
    assert stack.newest()["status"] == "Failed"
    stack.pipelines.update_pipeline(pipeline=stack.declaration(approval=True, roleArn=OTHER_ROLE))
    retry = {"pipelineName": "web", "stageName": "Build", "pipelineExecutionId": bad, "retryMode": "ALL_ACTIONS"}
    assert code(stack.pipelines.retry_stage_execution, **retry) == "StageNotRetryableException"
    back = {"pipelineName": "web", "stageName": "Deploy", "targetPipelineExecutionId": good}
    assert code(stack.pipelines.rollback_stage, **back) == "PipelineExecutionOutdatedException"


def test_a_held_execution_enters_the_next_stage_as_its_own_version(stack: Stack) -> None:
    """A transition that is enabled again after an update lets the old execution in, with its old role."""
    where = {"pipelineName": "web", "stageName": "Build", "transitionType": "Inbound"}
    stack.pipelines.disable_stage_transition(**where, reason="hold")
    stack.advance(1)
    stack.pipelines.update_pipeline(pipeline=stack.declaration(approval=True, roleArn=OTHER_ROLE))
    assert stack.stages()["Build"]["inboundTransitionState"]["enabled"] is False
    since = len(stack.world.gateway.calls)
    stack.pipelines.enable_stage_transition(**where)
    stack.advance(60)
    assert callers(stack, since) == {ROLE}
    events = [action for action in stack.actions().values() if action["actionName"] == "Build"]
    assert [event["pipelineVersion"] for event in events] == [1]


def test_events_name_the_version_that_runs(stack: Stack) -> None:
    """detect-state-changes-cloudwatch-events.html: `version` is the execution's."""
    sqs, events = stack.world.administrator("sqs"), stack.world.administrator("events")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document})
    pattern = {"detail-type": ["CodePipeline Action Execution State Change"]}
    events.put_rule(Name="all", EventPattern=json.dumps(pattern))
    stack.advance(1)
    stack.pipelines.update_pipeline(pipeline=stack.declaration(approval=True, roleArn=OTHER_ROLE))
    events.put_targets(Rule="all", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:heard"}])
    stack.advance(60)
    bodies = [
        json.loads(message["Body"])["detail"]
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    ]
    assert {(body["action"], body["version"]) for body in bodies} == {("Build", 1.0), ("Approve", 1.0)}


def test_a_deleted_pipeline_announces_nothing_more_and_a_new_one_starts_afresh(stack: Stack) -> None:
    """DeletePipeline while a build runs: the build ends by itself, and nothing of the pipeline is left behind."""
    stack.advance(1)
    build = stack.actions()["Build"]["output"]["executionResult"]["externalExecutionId"]
    stack.pipelines.delete_pipeline(name="web")
    since = len(stack.world.gateway.calls)
    stack.advance(120)
    (found,) = stack.world.administrator("codebuild").batch_get_builds(ids=[build])["builds"]
    assert found["buildStatus"] == "SUCCEEDED"
    assert callers(stack, since) == set()
    assert code(stack.pipelines.list_pipeline_executions, pipelineName="web") == "PipelineNotFoundException"
    stack.pipelines.create_pipeline(pipeline=stack.declaration())
    stack.advance()
    assert [execution["trigger"]["triggerType"] for execution in stack.executions()] == ["CreatePipeline"]


def test_an_action_of_another_role_is_assumed_through_the_role_of_its_version(stack: Stack) -> None:
    """The pipeline's role assumes the action's; after an update the execution still goes through its own."""
    iam = stack.world.administrator("iam")
    far = f"arn:aws:iam::{ACCOUNT}:role/far"

    def through(*roles: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": list(roles)}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    iam.create_role(RoleName="far", AssumeRolePolicyDocument=through(ROLE, OTHER_ROLE))
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    for role in ("pipeline", "far"):
        iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(everything))
    stack.advance(60)
    approve(stack)
    stack.advance(1)
    stack.ecs.complete()
    stack.advance(15)

    def declared(role: str) -> dict[str, Any]:
        declaration = stack.declaration(approval=True, roleArn=role)
        declaration["stages"][3]["actions"] = [
            action(
                "Deploy",
                "Deploy",
                "ECS",
                configuration={"ClusterName": "web", "ServiceName": "web"},
                inputArtifacts=[{"name": "BuildArtifact"}],
                roleArn=far,
            )
        ]
        return declaration

    stack.pipelines.update_pipeline(pipeline=declared(ROLE))
    stack.push()
    stack.advance(60)
    stack.pipelines.update_pipeline(pipeline=declared(OTHER_ROLE))
    iam.update_assume_role_policy(RoleName="far", PolicyDocument=through(ROLE))
    approve(stack)
    stack.advance(1)
    # The new role may not assume `far` any more: only the execution's own role can lead there.
    assert stack.actions()["Deploy"]["status"] == "InProgress"
    assert len(stack.ecs.revisions) == 3
