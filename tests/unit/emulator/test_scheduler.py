"""EventBridge Scheduler: tasks run when they are due, with the schedule's role and nothing more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.ecs.conftest import Stack

from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.runtime.equipment import scripted_equipment
from pushproof.emulator.world import World


@pytest.fixture
def stack() -> Iterator[Stack]:
    with World.virtual(WorldSettings(enforce_network=False), equip=scripted_equipment) as world:
        stack = Stack(world)
        stack.runtime.add_image("migrate:1", {"exit-after": 20, "exit-code": 0})
        yield stack


def role(stack: Stack, *actions: str, principal: str = "scheduler.amazonaws.com") -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
    }
    iam = stack.world.administrator("iam")
    name = "r" + str(len(iam.list_roles()["Roles"]))
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if actions:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    return arn


def create(stack: Stack, role_arn: str, expression: str = "rate(1 hour)", **more: Any) -> None:
    network = stack.network["awsvpcConfiguration"]
    target = {
        "Arn": f"arn:aws:ecs:{stack.world.region}:{stack.world.account_id}:cluster/main",
        "RoleArn": role_arn,
        "Input": json.dumps({"containerOverrides": [{"name": "app", "command": ["migrate"]}]}),
        "EcsParameters": {
            "TaskDefinitionArn": stack.define("migrate:1"),
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {
                "awsvpcConfiguration": {
                    "Subnets": network["subnets"],
                    "SecurityGroups": network["securityGroups"],
                    "AssignPublicIp": network.get("assignPublicIp", "DISABLED"),
                }
            },
        },
        "RetryPolicy": {"MaximumRetryAttempts": 0},
    }
    stack.world.administrator("scheduler").create_schedule(
        Name="nightly", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **more
    )


def tasks(stack: Stack) -> list[dict[str, Any]]:
    arns = stack.ecs.list_tasks(cluster="main", desiredStatus="STOPPED")["taskArns"]
    shown: list[dict[str, Any]] = stack.ecs.describe_tasks(cluster="main", tasks=arns)["tasks"] if arns else []
    return shown


def test_a_task_runs_when_it_is_due(stack: Stack) -> None:
    """Every hour a task runs with the overrides of the input; its end has the exit code."""
    create(stack, role(stack, "ecs:RunTask", "iam:PassRole"))
    stack.world.loop.advance(3599)  # type: ignore[attr-defined]
    assert tasks(stack) == []
    stack.world.loop.advance(120)  # type: ignore[attr-defined]
    (task,) = tasks(stack)
    assert task["startedBy"] == "chronos-schedule/nightly"
    assert task["overrides"]["containerOverrides"][0]["command"] == ["migrate"]
    assert task["containers"][0]["exitCode"] == 0
    stack.world.loop.advance(3600)  # type: ignore[attr-defined]
    assert stack.world.administrator("scheduler").delete_schedule(Name="nightly")
    stack.world.loop.advance(7200)  # type: ignore[attr-defined]
    started = [event for event in stack.announced("ECS Task State Change") if event["lastStatus"] == "RUNNING"]
    assert len({event["taskArn"] for event in started}) == 2


def test_the_role_decides(stack: Stack) -> None:
    """A role that may not run tasks, or not pass their roles, runs none; one that Scheduler cannot assume is refused."""
    create(stack, role(stack, "ecs:RunTask"))
    stack.world.loop.advance(3700)  # type: ignore[attr-defined]
    assert tasks(stack) == []
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        create(stack, role(stack, "ecs:RunTask", principal="events.amazonaws.com"))


def test_a_schedule_that_is_over_goes(stack: Stack) -> None:
    """A single time that has passed, with ActionAfterCompletion DELETE, leaves no schedule; a disabled one never runs."""
    arn = role(stack, "ecs:RunTask", "iam:PassRole")
    now = stack.world.clock.stamp(stack.world.clock.now() + 600)
    create(stack, arn, f"at({now:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE")
    stack.world.loop.advance(700)  # type: ignore[attr-defined]
    assert len(tasks(stack)) == 1
    scheduler = stack.world.administrator("scheduler")
    assert scheduler.list_schedules()["Schedules"] == []
    create(stack, arn, "rate(1 minute)", State="DISABLED")
    stack.world.loop.advance(600)  # type: ignore[attr-defined]
    assert len(tasks(stack)) == 1


def test_expressions_that_scheduler_refuses(stack: Stack) -> None:
    """Malformed expressions and unknown zones are refused in AWS's words."""
    arn = role(stack)
    with pytest.raises(ClientError, match=r"Invalid Schedule Expression rate\(0 hours\)\."):
        create(stack, arn, "rate(0 hours)")
    with pytest.raises(ClientError, match=r"Invalid Schedule Expression Timezone Mars\."):
        create(stack, arn, "rate(1 hour)", ScheduleExpressionTimezone="Mars")


def test_rules_of_eventbridge_run_tasks_by_the_clock(stack: Stack) -> None:
    """A rule with a schedule reaches its targets at each time, with the target's role; a disabled one does not."""
    arn = role(stack, "ecs:RunTask", "iam:PassRole", principal="events.amazonaws.com")
    events, network = stack.world.administrator("events"), stack.network["awsvpcConfiguration"]
    events.put_rule(Name="hourly", ScheduleExpression="rate(1 hour)")
    parameters = {
        "TaskDefinitionArn": stack.define("migrate:1"),
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {
            "awsvpcConfiguration": {"Subnets": network["subnets"], "SecurityGroups": network["securityGroups"]}
        },
    }
    cluster = f"arn:aws:ecs:{stack.world.region}:{stack.world.account_id}:cluster/main"
    events.put_targets(
        Rule="hourly", Targets=[{"Id": "1", "Arn": cluster, "RoleArn": arn, "EcsParameters": parameters}]
    )
    stack.world.loop.advance(3700)  # type: ignore[attr-defined]
    (task,) = tasks(stack)
    assert (task["startedBy"], task["containers"][0]["exitCode"]) == ("events-rule/hourly", 0)
    events.disable_rule(Name="hourly")
    stack.world.loop.advance(3600)  # type: ignore[attr-defined]
    events.enable_rule(Name="hourly")
    running = [e["taskArn"] for e in stack.announced("ECS Task State Change") if e["lastStatus"] == "RUNNING"]
    assert len(set(running)) == 1
    stack.world.loop.advance(3600)  # type: ignore[attr-defined]
    running = [e["taskArn"] for e in stack.announced("ECS Task State Change") if e["lastStatus"] == "RUNNING"]
    assert len(set(running)) == 2
