"""`why` tells the chain from the push to the end, and the commands that show more, from the record alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.record.observed import rolled_back

from pushproof.record.cause import cause
from pushproof.record.model import Action, Build, Execution, Finding, Phase, Record, SuiteTest, Verdict


def of(record: Record, **changes: object) -> Record:
    return replace(record, **changes)  # type: ignore[arg-type]


def test_a_rollback_is_told_from_push_to_end() -> None:
    """Push, failed tasks and why, what the load balancer saw, the breaker's count, what serves, what users noticed."""
    told = cause(rolled_back()).paragraph
    expected = (
        "The push of 67edcf5 (“Broken: /health answers 500”) was rolled back",
        "3 tasks of pushproof-dev:4 failed: 3 × Task failed ELB health checks",
        "Health checks failed with these codes: [500]",
        "The circuit breaker counted 3 of 3 failed tasks",
        "pushproof-dev:3 (b6d9224) serves again, 14 s after the deployment began (04:35 of AWS time)",
        "users sent 755 requests; 0 failed, and b6d9224 answered",
    )
    places = [told.index(words) for words in expected]
    assert places == sorted(places)


def test_a_rollback_names_the_commands_that_show_more() -> None:
    """The action, the service deployment, the task that failed and its log; each with the ids of this run."""
    record = rolled_back()
    commands = cause(record).commands
    deployment = record.deployments[-1]
    assert any(c.startswith("aws ecs describe-service-deployments") and deployment.arn in c for c in commands)
    failed = {task.id for task in record.tasks if task.stop_reason.startswith("Task failed ELB")}
    assert any(c.startswith("aws ecs describe-tasks") and any(f in c for f in failed) for c in commands)
    assert any(c.startswith("aws logs get-log-events --log-group-name /ecs/pushproof-dev") for c in commands)
    assert all("--region eu-west-1" in c for c in commands)


BUILD_ID = "shop:1111-2222"


@pytest.fixture
def failed_build() -> Record:
    record = rolled_back()
    action = Action(
        stage="Build",
        name="Build",
        provider="CodeBuild",
        status="Failed",
        started=10.0,
        ended=20.0,
        external_id=BUILD_ID,
        summary="",
        error_code="JobFailed",
        error="Build terminated with state: FAILED",
    )
    execution = Execution(
        pipeline="it's",
        id="e-1",
        status="Failed",
        trigger="WebhookV2",
        started=9.0,
        ended=20.0,
        commit="b" * 40,
        message="Break the tests",
        actions=(action,),
    )
    phase = Phase(
        name="PRE_BUILD", status="FAILED", started=11.0, seconds=5.0, message="COMMAND_EXECUTION_ERROR: exit status 1"
    )
    build = Build(
        id=BUILD_ID,
        project="shop",
        status="FAILED",
        started=10.0,
        ended=20.0,
        commit="b" * 40,
        phases=(phase,),
        log_group="/aws/codebuild/shop",
        log_stream="1111",
        cache="S3",
    )
    return of(record, executions=(execution,), builds=(build,), deployments=(), tasks=())


def test_a_failed_build_names_its_phase_and_log(failed_build: Record) -> None:
    """A push that never came to Deploy: which build, which phase, and that nothing was deployed."""
    told = cause(failed_build)
    assert "The push of bbbbbbb (“Break the tests”) stopped at Build: nothing of it was deployed." in told.paragraph
    assert "ended FAILED in its phase PRE_BUILD: COMMAND_EXECUTION_ERROR: exit status 1." in told.paragraph
    assert any(c.startswith(f"aws codebuild batch-get-builds --ids {BUILD_ID}") for c in told.commands)
    assert any("--log-group-name /aws/codebuild/shop --log-stream-name 1111" in c for c in told.commands)


def test_commands_are_quoted_for_a_shell(failed_build: Record) -> None:
    """A pipeline's name with a quote in it runs nothing else."""
    import shlex

    words = [shlex.split(command) for command in cause(failed_build).commands]
    assert [words[0][words[0].index("--pipeline-name") + 1]] == ["it's"]


def test_a_refused_source_says_what_codepipeline_answered() -> None:
    """A connection that nobody authorised: CodePipeline's own words."""
    record = rolled_back()
    refused = next(e for e in record.executions if e.status == "Failed" and e.actions[-1].stage == "Source")
    told = cause(of(record, executions=(refused,))).paragraph
    assert "stopped at Source" in told
    assert "ConfigurationError: Connection arn:aws:codestar-connections" in told


def test_a_drill_that_broke_off_says_where() -> None:
    """The error first, then the step in which the drill ended."""
    record = rolled_back()
    steps = (*record.steps[:3], replace(record.steps[3], failed=True))
    verdict = Verdict(passed=False, title="Not proven", why="", error="timed out\nwaiting")
    told = cause(of(record, steps=steps, verdict=verdict, executions=())).paragraph
    assert told == "Not proven: timed out. It ended in step (d), “A good push deploys”."


def test_a_red_suite_leads_with_its_first_finding() -> None:
    """The test, the resource with its address and line, the damage, and the change."""
    record = rolled_back()
    finding = Finding(
        check="networking.x",
        resource="rtb-1",
        address="aws_route_table.private",
        file="routing.tf",
        line=47,
        expected="own zone",
        found="another zone",
        why="one zone takes all",
        change="add a NAT gateway",
        page="",
    )
    test = SuiteTest(
        id="tests/test_net.py::test_x",
        outcome="failed",
        seconds=1.0,
        message="AssertionError",
        checks=("networking.x",),
    )
    run = replace(record.run, command="pytest")
    told = cause(of(record, run=run, tests=(test,), findings=(finding,)))
    assert "1 of 1 tests failed; the first is tests/test_net.py::test_x." in told.paragraph
    assert "rtb-1 (aws_route_table.private, routing.tf:47): another zone." in told.paragraph
    assert "The change: add a NAT gateway." in told.paragraph
    assert told.commands[0] == "pytest tests/test_net.py::test_x --target embedded"
