"""Executions: movement, waiting, failure, stopping, and announcements."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.engines.pipeline.driving import Driven, approval, build, declare, source

from pushproof.engines.pipeline import (
    AbandonAction,
    ActionSucceeded,
    ApprovalResult,
    Artifact,
    ArtifactStore,
    PipelineError,
    Revision,
    RollBackStage,
    Settings,
    Stage,
    Start,
    StartAction,
    Update,
    judge_ecs_deployment,
)

DAY = 86400.0


def test_an_execution_runs_stage_by_stage_to_its_end() -> None:
    """concepts-how-it-works.html: an execution passes the stages in order and succeeds with the last one."""
    pipe = Driven(declare())
    pipe.start("a")
    for _ in range(3):
        pipe.finish("a")
    assert pipe.statuses() == {"a": "Succeeded"}
    assert pipe.events == [
        ("a", "STARTED"),
        ("a", "Source", "STARTED"),
        ("a", "Source", "Source", "STARTED"),
        ("a", "Source", "Source", "SUCCEEDED"),
        ("a", "Source", "SUCCEEDED"),
        ("a", "Build", "STARTED"),
        ("a", "Build", "Build", "STARTED"),
        ("a", "Build", "Build", "SUCCEEDED"),
        ("a", "Build", "SUCCEEDED"),
        ("a", "Deploy", "STARTED"),
        ("a", "Deploy", "Deploy", "STARTED"),
        ("a", "Deploy", "Deploy", "SUCCEEDED"),
        ("a", "Deploy", "SUCCEEDED"),
        ("a", "SUCCEEDED"),
    ]


def test_event_details_are_those_published() -> None:
    """detect-state-changes-cloudwatch-events.html: the fields of the pipeline, stage and action events."""
    pipe = Driven(declare())
    pipe.start("a", trigger_type="StartPipelineExecution", trigger_detail="arn:aws:sts::1:assumed-role/Admin/me")
    pipe.finish("a", external_id="x-1", external_url="https://u", summary="done")
    first = pipe.details[0]
    assert first["execution-trigger"] == {
        "trigger-type": "StartPipelineExecution",
        "trigger-detail": "arn:aws:sts::1:assumed-role/Admin/me",
    }
    assert (first["pipeline"], first["version"], first["state"]) == ("web", 1.0, "STARTED")
    action = pipe.details[3]
    assert action["type"] == {"owner": "AWS", "category": "Source", "provider": "S3", "version": "1"}
    assert action["output-artifacts"] == [{"name": "source", "s3location": {"bucket": "bucket", "key": "a/source"}}]
    assert action["execution-result"] == {
        "external-execution-url": "https://u",
        "external-execution-summary": "done",
        "external-execution-id": "x-1",
    }


def test_failed_action_event_carries_job_failed() -> None:
    """The FAILED action event names the error code."""
    pipe = Driven(declare())
    pipe.start("a")
    pipe.break_("a")
    failed = next(detail for detail in pipe.details if detail["state"] == "FAILED")
    assert failed["execution-result"] == {"external-execution-summary": "it broke", "error-code": "JobFailed"}
    assert pipe.statuses() == {"a": "Failed"}


def test_newer_execution_supersedes_the_one_that_waits() -> None:
    """concepts-how-it-works.html: a waiting execution is superseded by a more recent one; one inside a stage never is."""
    pipe = Driven(declare())
    pipe.start("a")
    pipe.finish("a")
    for identity in ("b", "c"):
        pipe.start(identity)
        pipe.finish(identity)
    assert pipe.statuses() == {"a": "InProgress", "b": "Superseded", "c": "InProgress"}
    assert pipe.place("a") == ("Build", True)
    assert pipe.place("c") == ("Build", False)
    pipe.finish("a")
    assert pipe.place("c") == ("Build", True)


def test_executions_wait_for_a_locked_source_stage_too() -> None:
    """A second start waits before Source while the first is in it, and a third supersedes it."""
    pipe = Driven(declare())
    for identity in ("a", "b", "c"):
        pipe.start(identity)
    assert pipe.statuses() == {"a": "InProgress", "b": "Superseded", "c": "InProgress"}


def test_queued_executions_keep_their_order() -> None:
    """QUEUED: executions wait one after another and none is superseded."""
    pipe = Driven(declare(mode="QUEUED"))
    for identity in ("a", "b", "c"):
        pipe.start(identity)
    assert [pipe[i].inside for i in "abc"] == [True, False, False]
    pipe.finish("a")
    assert (pipe.place("a"), pipe.place("b"), pipe.place("c")) == (("Build", True), ("Source", True), ("Source", False))


def test_parallel_executions_do_not_wait() -> None:
    """PARALLEL: executions run at the same time in the same stage."""
    pipe = Driven(declare(mode="PARALLEL"))
    for identity in ("a", "b", "c"):
        pipe.start(identity)
    assert all(pipe[i].inside for i in "abc")


def test_fifty_executions_at_most_when_queued() -> None:
    """limits.html: the fifty-first queued execution is refused."""
    pipe = Driven(declare(mode="QUEUED"))
    for number in range(50):
        pipe.start(str(number))
    with pytest.raises(PipelineError) as caught:
        pipe.start("51")
    assert caught.value.code == "ConcurrentPipelineExecutionsLimitExceededException"


def test_run_order_groups() -> None:
    """Actions of one runOrder start together; the next group starts when all of them succeeded."""
    actions = (build("A"), build("B"), build("C", run_order=2))
    pipe = Driven(declare(Stage("Build", actions)))
    pipe.start("a")
    pipe.finish("a")
    assert [run.action.name for run in pipe.running("a")] == ["A", "B"]
    pipe.finish("a", "A")
    assert [run.action.name for run in pipe.running("a")] == ["B"]
    pipe.finish("a", "B")
    assert [run.action.name for run in pipe.running("a")] == ["C"]


def test_a_failing_group_waits_for_its_other_actions() -> None:
    """The stage fails when the last action of the group has ended; the next group never starts."""
    pipe = Driven(declare(Stage("Build", (build("A"), build("B"), build("C", run_order=2)))))
    pipe.start("a")
    pipe.finish("a")
    pipe.break_("a", "A")
    assert pipe.statuses() == {"a": "InProgress"}
    pipe.finish("a", "B")
    assert pipe.statuses() == {"a": "Failed"}
    assert [run.action.name for run in pipe["a"].stages["Build"].runs] == ["A", "B"]


def test_disabled_transition_holds_and_enabled_lets_pass() -> None:
    """transitions.html: a disabled transition keeps executions out of the stage; the newest of them enters when enabled."""
    pipe = Driven(declare())
    pipe.disable("Build")
    pipe.start("a")
    pipe.finish("a")
    assert pipe.place("a") == ("Build", False)
    pipe.start("b")
    pipe.finish("b")
    pipe.enable("Build")
    assert pipe.statuses() == {"a": "Superseded", "b": "InProgress"}
    assert pipe.place("b") == ("Build", True)


def test_variables_are_resolved_for_later_actions() -> None:
    """reference-variables.html: output variables, pipeline variables and codepipeline.PipelineExecutionId are filled in."""
    configuration = {"V": "#{Src.CommitId}-#{variables.env}-#{codepipeline.PipelineExecutionId}"}
    action = dataclasses.replace(build(), configuration=configuration)
    pipe = Driven(declare(Stage("Build", (action,)), variables={"env": "dev"}))
    pipe.start("a", variables={"env": "prod"})
    pipe.finish("a", variables={"CommitId": "abc"})
    assert pipe.last_start().run.configuration == {"V": "abc-prod-a"}


def test_unresolvable_variable_fails_the_action() -> None:
    """A reference to a variable that was not produced fails the action before anything is started."""
    action = dataclasses.replace(build(), configuration={"V": "#{Src.Nope}"})
    pipe = Driven(declare(Stage("Build", (action,))))
    pipe.start("a")
    before = len(pipe.commands)
    pipe.finish("a", variables={"CommitId": "abc"})
    assert pipe.statuses() == {"a": "Failed"}
    assert len(pipe.commands) == before
    assert "#{Src.Nope}" in pipe["a"].stages["Build"].runs[0].error_message


def test_a_variable_without_value_refuses_the_start() -> None:
    """A declared variable without default must be given; an undeclared one is refused."""
    pipe = Driven(declare(variables={"env": None}))
    for given in ({}, {"env": "dev", "other": "x"}):
        with pytest.raises(PipelineError) as caught:
            pipe.start("a", variables=given)
        assert caught.value.code == "ValidationException"


def test_approval_waits_seven_days_and_then_fails() -> None:
    """approvals.html: without a response within seven days the action fails."""
    pipe = Driven(declare(Stage("Approve", (approval(),))))
    pipe.start("a")
    pipe.finish("a")
    assert pipe.wake_at == pipe.now + 7 * DAY
    pipe.tick(7 * DAY - 1)
    assert pipe.statuses() == {"a": "InProgress"}
    pipe.tick(1)
    assert pipe.statuses() == {"a": "Failed"}


@pytest.mark.parametrize(("answer", "status"), [("Approved", "Succeeded"), ("Rejected", "Failed")])
def test_approval_results(answer: str, status: str) -> None:
    """Approved continues and Rejected fails (approvals-approve-or-reject.html); a second answer is refused."""
    pipe = Driven(declare(Stage("Approve", (approval(),))))
    pipe.start("a")
    pipe.finish("a")
    token = pipe.running("a")[0].token
    with pytest.raises(PipelineError) as wrong:
        pipe.give(ApprovalResult("Approve", "Approve", "nope", answer))
    assert wrong.value.code == "InvalidApprovalTokenException"
    pipe.give(ApprovalResult("Approve", "Approve", token, answer, "as discussed", "me"))
    assert pipe.statuses() == {"a": status}
    with pytest.raises(PipelineError) as again:
        pipe.give(ApprovalResult("Approve", "Approve", token, answer))
    assert again.value.code == "ApprovalAlreadyCompletedException"


def test_ecs_action_times_out_at_its_deployment_timeout() -> None:
    """action-reference-ECS.html: DeploymentTimeout is in minutes; the action is abandoned and fails."""
    deploy = dataclasses.replace(
        build("Deploy"), category="Deploy", provider="ECS", configuration={"DeploymentTimeout": "15"}
    )
    pipe = Driven(declare(Stage("Deploy", (deploy,))))
    pipe.start("a")
    pipe.finish("a")
    pipe.tick(15 * 60)
    assert pipe.statuses() == {"a": "Failed"}
    assert isinstance(pipe.commands[-1], AbandonAction)


def test_stop_and_wait() -> None:
    """pipelines-stop.html: Stopping until the actions under way have ended, then Stopped; nothing further starts."""
    pipe = Driven(declare(Stage("Build", (build("A"), build("B", run_order=2)))))
    pipe.start("a")
    pipe.finish("a")
    pipe.stop("a", reason="wrong commit")
    assert pipe.statuses() == {"a": "Stopping"}
    with pytest.raises(PipelineError) as caught:
        pipe.stop("a")
    assert caught.value.code == "DuplicatedStopRequestException"
    pipe.finish("a")
    assert pipe.statuses() == {"a": "Stopped"}
    assert [run.action.name for run in pipe["a"].stages["Build"].runs] == ["A"]
    pipe.retry("Build", "a")
    assert [run.action.name for run in pipe.running("a")] == ["B"]


def test_stop_and_abandon() -> None:
    """pipelines-stop.html: abandoning ends the execution at once; late results of its actions change nothing."""
    pipe = Driven(declare())
    pipe.start("a")
    run = pipe.running("a")[0]
    pipe.stop("a", abandon=True)
    assert pipe.statuses() == {"a": "Stopped"}
    assert ("a", "Source", "Source", "ABANDONED") in pipe.events
    pipe.give(ActionSucceeded(run.id, {"source": Artifact("b", "k")}))
    assert pipe.statuses() == {"a": "Stopped"}
    with pytest.raises(PipelineError) as caught:
        pipe.stop("a")
    assert caught.value.code == "PipelineExecutionNotStoppableException"


def test_retry_repeats_failed_actions_only() -> None:
    """actions-retry.html: FAILED_ACTIONS repeats what failed, ALL_ACTIONS the whole stage."""
    pipe = Driven(declare(Stage("Build", (build("A"), build("B")))))
    pipe.start("a")
    pipe.finish("a")
    pipe.finish("a", "A")
    pipe.break_("a", "B")
    pipe.retry("Build", "a")
    assert [run.action.name for run in pipe.running("a")] == ["B"]
    assert ("a", "RESUMED") in pipe.events
    pipe.break_("a", "B")
    pipe.retry("Build", "a", "ALL_ACTIONS")
    assert [run.action.name for run in pipe.running("a")] == ["A", "B"]
    pipe.finish("a")
    assert pipe.statuses() == {"a": "Succeeded"}
    assert pipe["a"].stages["Build"].manual_retries == 2


def test_retry_of_an_outrun_execution_is_refused() -> None:
    """API_RetryStageExecution.html: NotLatestPipelineExecutionException, StageNotRetryableException."""
    pipe = Driven(declare())
    pipe.start("a")
    pipe.finish("a")
    with pytest.raises(PipelineError) as running:
        pipe.retry("Build", "a")
    pipe.break_("a")
    pipe.start("b")
    pipe.finish("b")
    with pytest.raises(PipelineError) as outrun:
        pipe.retry("Build", "a")
    assert [running.value.code, outrun.value.code] == [
        "StageNotRetryableException",
        "NotLatestPipelineExecutionException",
    ]


def test_on_failure_retry_once() -> None:
    """stage-retry.html: onFailure RETRY repeats the stage once by itself, then it fails."""
    pipe = Driven(declare(Stage("Build", (build(),), on_failure="RETRY")))
    pipe.start("a")
    pipe.finish("a")
    pipe.break_("a")
    assert pipe.statuses() == {"a": "InProgress"}
    pipe.break_("a")
    assert pipe.statuses() == {"a": "Failed"}
    assert len(pipe["a"].stages["Build"].runs) == 2


def test_on_failure_skip_goes_on() -> None:
    """stage-conditions.html: Skip lets the execution go on to the next stage."""
    pipe = Driven(declare(Stage("Build", (build(),), on_failure="SKIP"), Stage("Deploy", (build("Deploy"),))))
    pipe.start("a")
    pipe.finish("a")
    pipe.break_("a")
    assert pipe["a"].stages["Build"].status == "Skipped"
    pipe.finish("a")
    assert pipe.statuses() == {"a": "Succeeded"}


def test_on_failure_rollback_runs_the_last_good_execution_again() -> None:
    """stage-rollback.html: the stage runs again with the artifacts of the last execution that succeeded in it."""
    pipe = Driven(declare(Stage("Deploy", (build("Deploy"),), on_failure="ROLLBACK")))
    pipe.start("a")
    pipe.finish("a")
    pipe.finish("a")
    pipe.start("b")
    pipe.finish("b")
    pipe.break_("b")
    (rollback,) = [e for e in pipe.state.executions.values() if e.rollback_target]
    assert (rollback.trigger_type, rollback.rollback_target, rollback.execution_type) == (
        "AutomatedRollback",
        "a",
        "ROLLBACK",
    )
    assert pipe.last_start().run.inputs["source"].key == "a/source"
    pipe.finish(rollback.id)
    assert pipe.statuses() == {"a": "Succeeded", "b": "Failed", rollback.id: "Succeeded"}


def test_on_failure_rollback_without_a_good_execution() -> None:
    """The first execution has nothing to roll back to: it fails with that reason."""
    pipe = Driven(declare(Stage("Deploy", (build("Deploy"),), on_failure="ROLLBACK")))
    pipe.start("a")
    pipe.finish("a")
    pipe.break_("a")
    assert pipe.statuses() == {"a": "Failed"}
    assert "Unable to roll back" in pipe["a"].summary


def test_manual_rollback() -> None:
    """API_RollbackStage.html: the stage runs as in the target; Source, unsuccessful and outdated targets are refused."""
    pipe = Driven(declare(Stage("Deploy", (build("Deploy"),))))
    pipe.start("a")
    pipe.finish("a")
    pipe.finish("a")
    pipe.give(RollBackStage("Deploy", "a", "r"))
    assert pipe["r"].trigger_type == "ManualRollback"
    refusals = []
    for stage, target in (("Source", "a"), ("Deploy", "r"), ("Deploy", "nope"), ("Nope", "a")):
        with pytest.raises(PipelineError) as caught:
            pipe.give(RollBackStage(stage, target, "x"))
        refusals.append(caught.value.code)
    assert refusals == [
        "UnableToRollbackStageException",
        "UnableToRollbackStageException",
        "PipelineExecutionNotFoundException",
        "StageNotFoundException",
    ]
    pipe.finish("r")
    pipe.give(Update(dataclasses.replace(pipe.state.declaration, version=2)))
    with pytest.raises(PipelineError) as outdated:
        pipe.give(RollBackStage("Deploy", "a", "x"))
    assert outdated.value.code == "PipelineExecutionOutdatedException"


def test_update_of_the_structure_cancels_once_running_actions_have_completed() -> None:
    """pipelines-edit.html: an update lets running actions complete, then ends the executions; API_PipelineExecution: Cancelled."""
    changed = dataclasses.replace(declare(Stage("Other", (build(),))), version=2)
    pipe = Driven(declare())
    pipe.start("a")
    pipe.start("b")
    pipe.give(Update(changed))
    assert pipe.statuses() == {"a": "InProgress", "b": "Cancelled"}
    pipe.finish("a")
    assert pipe["a"].stages["Source"].runs[0].status == "Succeeded"
    assert (pipe["a"].status, pipe["a"].stages["Source"].status) == ("Cancelled", "Cancelled")
    assert pipe.events[-2:] == [("a", "Source", "CANCELED"), ("a", "CANCELED")]
    kept = Driven(declare(), Settings(update_cancels=False))
    kept.start("a")
    kept.give(Update(changed))
    for _ in range(3):
        kept.finish("a")
    assert kept.statuses() == {"a": "Succeeded"}


def test_an_execution_keeps_the_role_and_store_of_its_version() -> None:
    """An action starts with its execution's version, not with the current pipeline's."""
    first = declare(region="eu-west-1", stores={"": ArtifactStore("one", "key-one")})
    second = dataclasses.replace(first, version=2, role_arn="other", stores={"": ArtifactStore("two")})
    pipe = Driven(first)
    pipe.start("a")
    pipe.give(Update(second))
    pipe.finish("a")
    pipe.start("b")
    roles = {
        (command.execution_id, command.run.action.name): (command.role_arn, command.service_role_arn, command.store)
        for command in pipe.commands
        if isinstance(command, StartAction)
    }
    old, new = ("role", "role", ArtifactStore("one", "key-one")), ("other", "other", ArtifactStore("two"))
    assert roles == {("a", "Source"): old, ("a", "Build"): old, ("b", "Source"): new}


def test_an_action_in_another_region_uses_that_regions_store() -> None:
    """pipeline-requirements.html: artifactStores holds one bucket for each region in which actions run."""
    there = Stage("There", (build(region="us-east-1", role_arn="far"),))
    stores = {"eu-west-1": ArtifactStore("here"), "us-east-1": ArtifactStore("there")}
    pipe = Driven(declare(there, region="eu-west-1", stores=stores))
    pipe.start("a")
    assert pipe.last_start().store == ArtifactStore("here")
    pipe.finish("a")
    assert pipe.last_start().store == ArtifactStore("there")
    assert (pipe.last_start().role_arn, pipe.last_start().service_role_arn) == ("far", "role")


def test_an_approval_is_answered_in_the_stage_of_its_own_version() -> None:
    """A stage that an update renames can still be approved by the executions that wait in it."""
    pipe = Driven(declare(Stage("Ask", (approval(),))), Settings(update_cancels=False))
    pipe.start("a")
    pipe.finish("a")
    pipe.give(Update(dataclasses.replace(declare(Stage("Renamed", (approval(),))), version=2)))
    pipe.give(ApprovalResult("Ask", "Approve", pipe.running("a")[0].token, "Approved"))
    assert pipe.statuses() == {"a": "Succeeded"}


def test_an_update_leaves_nothing_to_roll_back_to() -> None:
    """stage-rollback.html: an execution of an older version is no target, for an automatic rollback either."""
    declaration = declare(Stage("Deploy", (build("Deploy"),), on_failure="ROLLBACK"))
    pipe = Driven(declaration)
    pipe.start("good")
    pipe.finish("good")
    pipe.finish("good")
    pipe.start("bad")
    pipe.give(Update(dataclasses.replace(declaration, version=2, role_arn="other")))
    pipe.finish("bad")
    pipe.break_("bad")
    assert pipe.statuses() == {"good": "Succeeded", "bad": "Failed"}
    assert "Unable to roll back" in pipe["bad"].summary


def test_executions_keep_the_mode_they_were_started_in() -> None:
    """Executions of a PARALLEL pipeline stay independent of each other after its mode was changed."""
    declaration = declare(mode="PARALLEL")
    pipe = Driven(declaration)
    pipe.start("a")
    pipe.start("b")
    pipe.give(Update(dataclasses.replace(declaration, version=2, mode="SUPERSEDED")))
    pipe.finish("a")
    pipe.finish("b")
    assert (pipe.place("a"), pipe.place("b")) == (("Build", True), ("Build", True))


def test_missing_output_artifact_fails_the_action() -> None:
    """An action that did not produce its declared artifact has failed."""
    pipe = Driven(declare())
    pipe.start("a")
    pipe.give(ActionSucceeded(pipe.running("a")[0].id))
    assert "source" in pipe["a"].stages["Source"].runs[0].error_message
    assert pipe.statuses() == {"a": "Failed"}


def test_source_override_reaches_the_action() -> None:
    """The source action receives the revision of StartPipelineExecution's sourceRevisions."""
    pipe = Driven(declare())
    pipe.give(Start("a", overrides={source().name: Revision("v2")}))
    assert pipe.last_start().override == Revision("v2")


OWN = {"id": "ecs-svc/1", "taskDefinition": "td:2", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}
ROLLED_BACK = {
    "id": "ecs-svc/2",
    "taskDefinition": "td:1",
    "status": "PRIMARY",
    "rolloutState": "IN_PROGRESS",
    "rolloutStateReason": "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/0.",
}


@pytest.mark.parametrize(
    ("deployments", "when_fail", "when_timeout"),
    [
        ([OWN], "InProgress", "InProgress"),
        ([OWN | {"rolloutState": "COMPLETED"}], "Succeeded", "Succeeded"),
        ([OWN | {"rolloutState": "FAILED"}], "Failed", "InProgress"),
        ([ROLLED_BACK, OWN | {"status": "ACTIVE", "rolloutState": "FAILED"}], "Failed", "InProgress"),
        ([ROLLED_BACK | {"rolloutState": "COMPLETED"}], "Failed", "InProgress"),
        ([ROLLED_BACK | {"id": "ecs-svc/1", "rolloutState": "COMPLETED"}], "Failed", "InProgress"),
        ([], "Failed", "InProgress"),
    ],
)
def test_ecs_deployment_is_judged_by_its_own_revision(
    deployments: list[dict[str, str]], when_fail: str, when_timeout: str
) -> None:
    """The ECS action never succeeds after a rollback, however stable the service is; when it fails is a setting."""
    verdicts = [
        judge_ecs_deployment("ecs-svc/1", "td:2", deployments, Settings(ecs_rollback=setting)).status
        for setting in ("fail", "timeout")
    ]
    assert verdicts == [when_fail, when_timeout]
