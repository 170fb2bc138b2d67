"""A record has what AWS said of a run, as facts that agree with each other."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.record.observed import observations, rolled_back, told

from pushproof.record.assembling import assemble
from pushproof.record.observing import Observations


def test_executions_have_their_actions_and_errors() -> None:
    """Each push with its commit and message; the stage that failed says why, in CodePipeline's words."""
    record = rolled_back()
    pushed = [execution for execution in record.executions if execution.commit]
    assert [execution.status for execution in pushed] == ["Succeeded", "Succeeded", "Failed"]
    assert [[action.stage for action in execution.actions] for execution in pushed] == [
        ["Source", "Build", "Deploy"]
    ] * 3
    assert pushed[-1].message == "Broken: /health answers 500"
    error = pushed[-1].actions[-1]
    assert (error.status, error.error_code) == ("Failed", "JobFailed")
    assert "circuit breaker" in error.error


def test_builds_have_phases_and_the_place_of_their_log() -> None:
    """A build's phases add up to it, and its log is named and not held."""
    record = rolled_back()
    assert [build.status for build in record.builds] == ["SUCCEEDED"] * 3
    for build in record.builds:
        assert [phase.name for phase in build.phases][:3] == ["SUBMITTED", "QUEUED", "PROVISIONING"]
        spent = sum(phase.seconds or 0.0 for phase in build.phases)
        assert build.started is not None
        assert build.ended is not None
        assert abs(spent - (build.ended - build.started)) < 1.0
        assert build.log_group == "/aws/codebuild/pushproof-dev"
        assert build.log_stream


def test_deployments_name_their_commit_and_the_breakers_count() -> None:
    """A rolled-back deployment has the breaker's count, the reason, and the instant of the rollback."""
    last = rolled_back().deployments[-1]
    assert (last.status, last.task_definition, last.commit[:7]) == ("ROLLBACK_SUCCESSFUL", "pushproof-dev:4", "67edcf5")
    assert last.breaker is not None
    assert (last.breaker.status, last.breaker.failures, last.breaker.threshold) == ("TRIGGERED", 3, 3)
    assert last.started is not None
    assert last.rollback_started is not None
    assert last.ended is not None
    assert last.started < last.rollback_started < last.ended


def test_tasks_have_a_life_a_commit_and_a_reason() -> None:
    """Every task is of a revision and a commit; states are in order; who failed says why."""
    record = rolled_back()
    assert len(record.tasks) == 12
    for task in record.tasks:
        instants = [state.at for state in task.states]
        assert instants == sorted(instants)
        assert task.states[-1].status == task.status
    bad = [task for task in record.tasks if task.commit.startswith("67edcf5")]
    assert {task.task_definition for task in bad} == {"pushproof-dev:4"}
    assert sum(task.stop_reason.startswith("Task failed ELB health checks") for task in bad) == 3
    assert {container.log_stream for task in bad for container in task.containers} == {
        f"ecs/app/{task.id}" for task in bad
    }


def test_the_network_says_where_tasks_reach_what() -> None:
    """Every subnet with its tier and routes; with any zone lost, tasks of the others still reach everything."""
    (network,) = rolled_back().networks
    assert {subnet.tier for subnet in network.subnets} == {"public", "private"}
    assert sorted(gateway.kind for gateway in network.gateways) == ["internet", "nat", "nat"]
    assert {answer.lost for answer in network.reach} == {"", "eu-west-1a", "eu-west-1b"}
    assert all(answer.reached for answer in network.reach)
    assert all(answer.zone != answer.lost for answer in network.reach)


def test_roles_are_split_in_used_and_unused() -> None:
    """Permissions that a run used count as used, those of the reference's other paths do not, and nothing was refused."""
    roles = {role.name: role for role in rolled_back().roles}
    assert set(roles) == {
        f"pushproof-dev-{name}" for name in ("codebuild", "codepipeline", "execution", "notify-slack", "task")
    }
    assert {use.action for use in roles["pushproof-dev-notify-slack"].used} == {"events:InvokeApiDestination"}
    assert "s3:GetBucketAcl" in roles["pushproof-dev-codebuild"].unused
    assert "ecr:PutImage" not in roles["pushproof-dev-codebuild"].unused
    assert not any(role.refused for role in roles.values())


def test_nothing_is_unused_where_calls_were_not_seen() -> None:
    """On AWS nobody sees the calls of roles: a record does not call a grant unused for that."""
    seen = observations()
    seen.uses.clear()
    record = assemble(told(watched=False), seen)
    assert all(role.unused == () and not role.watched for role in record.roles)


def test_states_of_the_bus_are_more_exact_than_questions() -> None:
    """Task states come from ECS's own events as well, so that a task that lived between two questions has a life."""
    seen = observations()
    without = assemble(told(), replace_events(seen))
    exact, coarse = rolled_back(), without
    assert sum(len(task.states) for task in exact.tasks) > sum(len(task.states) for task in coarse.tasks)


def replace_events(seen: Observations) -> Observations:
    return replace(seen, events=[])


def test_a_run_without_any_observation_is_a_record() -> None:
    """A drill that failed before anything was applied says so, and has no invented facts."""
    record = assemble(
        told(passed=False, title="Not proven", error="terraform is missing", steps=(), requests=()), Observations()
    )
    assert record.verdict.why.startswith("Not proven: terraform is missing")
    assert (record.tasks, record.executions, record.networks, record.roles) == ((), (), (), ())


def test_what_could_not_be_read_is_listed() -> None:
    """An answer that AWS refused is no empty list: the record says what is missing, and why."""
    seen = Observations(unread={"roles": "AccessDenied: not you"})
    assert [(skip.what, skip.why) for skip in assemble(told(), seen).skipped] == [("roles", "AccessDenied: not you")]
