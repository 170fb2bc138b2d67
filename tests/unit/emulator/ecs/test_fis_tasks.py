"""Network actions of FIS on tasks: faults of the tasks that a target selects, where tasks are prepared as FIS demands.

Source: https://docs.aws.amazon.com/fis/latest/userguide/ecs-task-actions.html ,
https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.emulator.ecs.test_fis import TASKS, experiment, role, start, status, template

from pushproof.engines.faults import PacketsLost, PortBlackholed, SlowTarget

ALLOWED = [
    "ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeContainerInstances", "ec2:DescribeInstances", "ec2:DescribeSubnets",
    "ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand",
]  # fmt: skip
AGENT = {
    "name": "amazon-ssm-agent",
    "image": "agent:1",
    "essential": False,
    "environment": [{"name": "MANAGED_INSTANCE_ROLE_NAME", "value": "managed"}],
}
PREPARED = {"pidMode": "task", "enableFaultInjection": True, "agent": True}


def serve(stack: Any, **options: Any) -> str:
    """Run a service of two tasks whose definition is prepared, but for `options`. Return its target group."""
    options = {**PREPARED, **options}
    stack.runtime.add_image("agent:1")
    app = {"name": "app", "image": "app:v1", "portMappings": [{"containerPort": 8080}]}
    containers = [app, AGENT] if options.pop("agent") else [app]
    definition: str = stack.ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=stack.role,
        containerDefinitions=containers,
        **{name: value for name, value in options.items() if value},
    )["taskDefinition"]["taskDefinitionArn"]
    group: str = stack.target_group()
    stack.serve(definition, group=group)
    stack.settle()
    return group


def network(kind: str, **parameters: str) -> dict[str, Any]:
    return {
        "actionId": f"aws:ecs:task-network-{kind}",
        "parameters": {"duration": "PT5M", "useEcsFaultInjectionEndpoints": "true", **parameters},
        "targets": {"Tasks": "tasks"},
    }


def run(stack: Any, action: dict[str, Any], *, permissions: list[str] | None = None) -> str:
    arn = role(stack, *(ALLOWED if permissions is None else permissions))
    experiment_id: str = start(stack, template(stack, {"act": action}, {"tasks": TASKS}, roleArn=arn)["id"])
    stack.advance(2)
    return experiment_id


def reasons(stack: Any, group: str) -> list[str | None]:
    """Return why targets are not healthy, None for those that are."""
    shown = stack.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sorted((target["TargetHealth"].get("Reason") for target in shown), key=str)


def test_a_port_of_one_task_disappears(stack: Any) -> None:
    """The load balancer's checks of that task time out until the action ends; the other task serves."""
    group = serve(stack)
    experiment_id = run(stack, network("blackhole-port", port="8080", trafficType="ingress"))
    (active,) = stack.world.faults.active
    assert isinstance(active.fault, PortBlackholed)
    assert (active.fault.port, active.fault.traffic, active.fault.protocol) == (8080, "ingress", "tcp")
    assert len(active.fault.tasks) == 1
    stack.advance(95)
    assert "Target.Timeout" in reasons(stack, group)
    assert None in reasons(stack, group)
    stack.advance(300)
    assert status(stack, experiment_id) == "completed"
    assert stack.world.faults.active == []


def test_another_port_may_disappear_without_harm(stack: Any) -> None:
    """Checks of a port that is not taken go on."""
    group = serve(stack)
    run(stack, network("blackhole-port", port="9090", trafficType="ingress"))
    stack.advance(95)
    assert reasons(stack, group) == [None, None]


def test_latency_and_packet_loss_have_aws_defaults(stack: Any) -> None:
    """200 ms, and seven of a hundred packets, for the selected task alone."""
    serve(stack)
    run(stack, network("latency"))
    (active,) = stack.world.faults.active
    assert isinstance(active.fault, SlowTarget)
    assert (active.fault.milliseconds, len(active.fault.tasks)) == (200.0, 1)


def test_packets_that_are_all_lost_fail_the_checks(stack: Any) -> None:
    """A loss of 100 percent takes the task out of service."""
    group = serve(stack)
    run(stack, network("packet-loss", lossPercent="100", sources="ALL", flowsPercent="100"))
    (active,) = stack.world.faults.active
    assert isinstance(active.fault, PacketsLost)
    assert active.fault.rate == 1.0
    stack.advance(95)
    assert reasons(stack, group) != [None, None]


@pytest.mark.parametrize(
    ("options", "parameters", "words"),
    [
        ({"agent": False}, {}, "is not registered as a SSM managed instance"),
        ({"pidMode": ""}, {}, "must have pidMode set to task"),
        ({"enableFaultInjection": False}, {}, "must have enableFaultInjection set to true"),
        ({}, {"useEcsFaultInjectionEndpoints": "false"}, "need useEcsFaultInjectionEndpoints set to true"),
    ],
)
def test_a_task_that_fis_could_not_reach_fails_the_experiment(
    stack: Any, options: dict[str, Any], parameters: dict[str, str], words: str
) -> None:
    """An experiment that would fail on AWS, for want of preparation of its tasks, fails here."""
    serve(stack, **options)
    experiment_id = run(stack, network("latency", **parameters))
    shown = experiment(stack, experiment_id)["state"]
    assert shown["status"] == "failed"
    assert words in shown["reason"]
    assert stack.world.faults.active == []


@pytest.mark.parametrize("missing", ["ssm:SendCommand", "ssm:CancelCommand", "ec2:DescribeSubnets"])
def test_the_role_needs_what_fis_documents(stack: Any, missing: str) -> None:
    """The experiment fails without one of the permissions, in the words of the refusal."""
    serve(stack)
    experiment_id = run(stack, network("latency"), permissions=[each for each in ALLOWED if each != missing])
    shown = experiment(stack, experiment_id)["state"]
    assert shown["status"] == "failed"
    assert missing in shown["reason"]


@pytest.mark.parametrize(
    ("action", "expected", "words"),
    [
        (network("blackhole-port", trafficType="ingress"), "ValidationException", "required parameter port is missing"),
        (network("blackhole-port", port="0", trafficType="ingress"), "ValidationException", "from 1 to 65535"),
        (network("blackhole-port", port="80", trafficType="both"), "ValidationException", "one of ingress, egress"),
        (network("packet-loss", lossPercent="101"), "ValidationException", "from 1 to 100"),
        (network("latency", sources="S3"), "NotImplemented", "with sources S3"),
        (network("packet-loss", flowsPercent="50"), "NotImplemented", "with flowsPercent 50"),
        ({**network("latency"), "actionId": "aws:ecs:task-cpu-stress"}, "NotImplemented", "aws:ecs:task-cpu-stress"),
        (
            {**network("latency"), "actionId": "aws:ecs:task-kill-process"},
            "NotImplemented",
            "aws:ecs:task-kill-process",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_name(
    stack: Any, code: Callable[..., tuple[str, str]], action: dict[str, Any], expected: str, words: str
) -> None:
    """A wrong value is refused, and so is what Pushproof does not run."""
    answer = code(lambda: template(stack, {"act": action}, {"tasks": TASKS}))
    assert answer[0] == expected
    assert words in answer[1]
