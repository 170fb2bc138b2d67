"""FIS: templates as its model has them, experiments with the permissions of their role, and faults that end in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.engines.faults import ApiFails, SubnetsCut

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = [
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:ListClusters",
    "ecs:StopTask",
    "ec2:DescribeSubnets",
    "ec2:CreateNetworkAcl",
    "ec2:CreateNetworkAclEntry",
    "ec2:ReplaceNetworkAclAssociation",
    "fis:InjectApiThrottleError",
]
TASKS = {
    "resourceType": "aws:ecs:task",
    "selectionMode": "COUNT(1)",
    "parameters": {"cluster": "main", "service": "app"},
}
STOP = {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "tasks"}}
WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT2M"}}


def role(stack: Any, *actions: str, name: str = "fis", trust: Any = TRUST) -> str:
    iam = stack.world.administrator("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": list(actions or ALLOWED), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=name, PolicyName="fis", PolicyDocument=json.dumps(policy))
    return arn


def template(stack: Any, actions: Any, targets: Any = None, **more: Any) -> dict[str, Any]:
    fis = stack.world.administrator("fis")
    request = {
        "clientToken": "token",
        "description": "an experiment",
        "stopConditions": [{"source": "none"}],
        "targets": targets or {},
        "actions": actions,
        **more,
    }
    request.setdefault("roleArn", "arn:aws:iam::123456789012:role/fis")
    shown: dict[str, Any] = fis.create_experiment_template(**request)["experimentTemplate"]
    return shown


def start(stack: Any, template_id: str, token: str = "run") -> str:
    experiment: str = stack.world.administrator("fis").start_experiment(
        clientToken=token, experimentTemplateId=template_id
    )["experiment"]["id"]
    return experiment


def experiment(stack: Any, experiment_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = stack.world.administrator("fis").get_experiment(id=experiment_id)["experiment"]
    return shown


def status(stack: Any, experiment_id: str) -> str:
    return str(experiment(stack, experiment_id)["state"]["status"])


def test_an_experiment_stops_tasks_with_its_role(stack: Any) -> None:
    """One task of the service stops by the role's own call, an action after it waits, and EventBridge hears each state."""
    stack.serve(stack.define())
    stack.settle()
    shown = template(
        stack, {"stop": STOP, "rest": {**WAIT, "startAfter": ["stop"]}}, {"tasks": TASKS}, roleArn=role(stack)
    )
    assert shown["id"].startswith("EXT")
    assert shown["arn"] == f"arn:aws:fis:eu-west-1:123456789012:experiment-template/{shown['id']}"
    run = start(stack, shown["id"])
    assert status(stack, run) == "initiating"
    stack.advance(60)
    now = experiment(stack, run)
    assert now["state"]["status"] == "running"
    assert {name: action["state"]["status"] for name, action in now["actions"].items()} == {
        "stop": "completed",
        "rest": "running",
    }
    (stopped,) = stack.tasks("STOPPED")
    assert stopped["stopCode"] == "UserInitiated"
    calls = [call for call in stack.world.log.calls if call.name == "ecs:StopTask"]
    assert calls[0].context.principal.role_arn == "arn:aws:iam::123456789012:role/fis"
    stack.advance(90)
    assert status(stack, run) == "completed"
    states = [detail["new-state"]["status"] for detail in stack.announced("FIS Experiment State Change")]
    assert states == ["running", "completed"]


def test_a_role_without_permission_fails_the_experiment(stack: Any) -> None:
    """The words are those of the refused call, later actions are cancelled, and no task stops."""
    stack.serve(stack.define())
    stack.settle()
    arn = role(stack, "ecs:ListTasks", "ecs:DescribeTasks")
    shown = template(stack, {"stop": STOP, "rest": {**WAIT, "startAfter": ["stop"]}}, {"tasks": TASKS}, roleArn=arn)
    run = start(stack, shown["id"])
    stack.advance(5)
    now = experiment(stack, run)
    assert now["state"]["status"] == "failed"
    assert "is not authorized to perform: ecs:StopTask" in now["state"]["reason"]
    assert now["actions"]["rest"]["state"]["status"] == "cancelled"
    assert stack.tasks("STOPPED") == []


def test_a_role_that_does_not_trust_fis_fails_the_experiment(stack: Any) -> None:
    """An experiment whose role FIS cannot assume ends before anything happens."""
    trust = json.loads(json.dumps(TRUST).replace("fis.amazonaws.com", "ecs-tasks.amazonaws.com"))
    shown = template(stack, {"rest": WAIT, "stop": STOP}, {"tasks": TASKS}, roleArn=role(stack, trust=trust))
    run = start(stack, shown["id"])
    stack.advance(1)
    assert status(stack, run) == "failed"
    assert "sts:AssumeRole" in experiment(stack, run)["state"]["reason"]


def test_calls_of_a_role_are_throttled_while_the_action_lasts(stack: Any) -> None:
    """The role's DescribeInstances fails with RequestLimitExceeded, others' does not, and all is well after the duration."""
    victim = role(stack, "ec2:DescribeInstances", name="victim", trust=TRUST)
    action = {
        "actionId": "aws:fis:inject-api-throttle-error",
        "parameters": {"duration": "PT5M", "service": "ec2", "operations": "DescribeInstances", "percentage": "100"},
        "targets": {"Roles": "roles"},
    }
    targets = {"roles": {"resourceType": "aws:iam:role", "selectionMode": "ALL", "resourceArns": [victim]}}
    shown = template(stack, {"throttle": action}, targets, roleArn=role(stack))
    run = start(stack, shown["id"])
    stack.advance(1)
    assert [entry.fault for entry in stack.world.faults.active] == [
        ApiFails("ec2", "throttle", 1.0, ("DescribeInstances",), (victim,))
    ]
    credentials = stack.world.assume(victim, "fis.amazonaws.com")
    client = stack.world.client("ec2", credentials=credentials)
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        client.describe_instances()
    stack.ec2.describe_instances()
    stack.advance(300)
    client.describe_instances()
    assert status(stack, run) == "completed"
    assert stack.world.faults.active == []


def cut(stack: Any, **more: Any) -> dict[str, Any]:
    action = {
        "actionId": "aws:network:disrupt-connectivity",
        "parameters": {"duration": "PT10M", "scope": "all"},
        "targets": {"Subnets": "subnets"},
    }
    target = {
        "resourceType": "aws:ec2:subnet",
        "selectionMode": "ALL",
        "parameters": {"vpc": stack.vpc, "availabilityZoneIdentifier": "eu-west-1a"},
    }
    return template(stack, {"cut": action}, {"subnets": target}, roleArn=role(stack), **more)


def test_a_cut_subnet_is_stopped_by_hand(stack: Any) -> None:
    """Tasks in the subnet fail their checks with Target.Timeout until StopExperiment ends it."""
    group = stack.target_group()
    stack.serve(stack.define(), group=group)
    stack.settle()
    run = start(stack, cut(stack)["id"])
    stack.advance(95)
    assert [entry.fault for entry in stack.world.faults.active] == [SubnetsCut((stack.subnets[0],))]
    health = stack.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert "Target.Timeout" in {target["TargetHealth"].get("Reason") for target in health}
    stack.world.administrator("fis").stop_experiment(id=run)
    now = experiment(stack, run)
    assert (now["state"]["status"], now["actions"]["cut"]["state"]["status"]) == ("stopped", "stopped")
    assert stack.world.faults.active == []
    with pytest.raises(ClientError, match="already stopped"):
        stack.world.administrator("fis").stop_experiment(id=run)


def test_an_alarm_stops_an_experiment(stack: Any) -> None:
    """A stop condition in ALARM ends the faults within seconds, and the reason names the alarm."""
    alarms = stack.world.administrator("cloudwatch")
    alarms.put_metric_alarm(
        AlarmName="errors", MetricName="Errors", Namespace="Shop", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    arn = alarms.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["AlarmArn"]
    run = start(stack, cut(stack, stopConditions=[{"source": "aws:cloudwatch:alarm", "value": arn}])["id"])
    stack.advance(20)
    assert status(stack, run) == "running"
    alarms.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    stack.advance(10)
    assert status(stack, run) == "stopped"
    assert "alarm errors" in experiment(stack, run)["state"]["reason"]
    assert stack.world.faults.active == []


@pytest.mark.parametrize("mode", ["fail", "skip"])
def test_a_target_without_resources_fails_or_skips(stack: Any, mode: str) -> None:
    """`emptyTargetResolutionMode` decides about a service without tasks."""
    stack.serve(stack.define(), desiredCount=0)
    options = {"accountTargeting": "single-account", "emptyTargetResolutionMode": mode}
    shown = template(stack, {"stop": STOP}, {"tasks": TASKS}, roleArn=role(stack), experimentOptions=options)
    run = start(stack, shown["id"])
    stack.advance(2)
    now = experiment(stack, run)
    expected = ("failed", "cancelled") if mode == "fail" else ("completed", "skipped")
    assert (now["state"]["status"], now["actions"]["stop"]["state"]["status"]) == expected


@pytest.mark.parametrize(
    ("actions", "targets", "expected", "words"),
    [
        ({"kill": {"actionId": "aws:ec2:stop-instances"}}, {}, "NotImplemented", "does not run the action aws:ec2:stop-instances"),
        ({"odd": {"actionId": "explode"}}, {}, "ValidationException", "explode is not a valid action"),
        ({"rest": {**WAIT, "parameters": {}}}, {}, "ValidationException", "required parameter duration is missing"),
        ({"rest": {**WAIT, "parameters": {"duration": "soon"}}}, {}, "ValidationException", "not a valid ISO 8601"),
        ({"rest": {**WAIT, "parameters": {"duration": "PT5S"}}}, {}, "ValidationException", "from one minute to 12 hours"),
        ({"rest": {**WAIT, "startAfter": ["rest"]}}, {}, "ValidationException", "wait for each other"),
        ({"rest": {**WAIT, "startAfter": ["none"]}}, {}, "ValidationException", "none in startAfter is not defined"),
        ({"stop": STOP}, {}, "ValidationException", "the target tasks is not defined"),
        ({"rest": WAIT}, {"tasks": TASKS}, "ValidationException", "Target tasks is not used"),
        ({"stop": STOP}, {"tasks": {**TASKS, "selectionMode": "SOME"}}, "ValidationException", "selection mode"),
        ({"stop": STOP}, {"tasks": {**TASKS, "resourceType": "aws:ec2:subnet"}}, "ValidationException", "resource type"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_run_is_refused(
    stack: Any, code: Callable[..., tuple[str, str]], actions: Any, targets: Any, expected: str, words: str
) -> None:
    """The refusal names the action or the target, and nothing is stored."""
    answer = code(lambda: template(stack, actions, targets))
    assert answer[0] == expected
    assert words in answer[1]
    assert stack.world.administrator("fis").list_experiment_templates()["experimentTemplates"] == []


def test_templates_are_changed_listed_tagged_and_deleted(stack: Any, code: Callable[..., tuple[str, str]]) -> None:
    """The whole life of a template; a token makes one template only."""
    fis = stack.world.administrator("fis")
    shown = template(stack, {"rest": WAIT}, tags={"team": "shop"})
    assert template(stack, {"rest": WAIT})["id"] == shown["id"]
    changed = fis.update_experiment_template(id=shown["id"], description="another")["experimentTemplate"]
    assert changed["description"] == "another"
    fis.tag_resource(resourceArn=shown["arn"], tags={"more": "x"})
    fis.untag_resource(resourceArn=shown["arn"], tagKeys=["team"])
    assert fis.list_tags_for_resource(resourceArn=shown["arn"])["tags"] == {"more": "x"}
    assert [each["id"] for each in fis.list_experiment_templates()["experimentTemplates"]] == [shown["id"]]
    fis.delete_experiment_template(id=shown["id"])
    assert code(lambda: fis.get_experiment_template(id=shown["id"]))[0] == "ResourceNotFoundException"
    assert "aws:ecs:stop-task" in {action["id"] for action in fis.list_actions()["actions"]}
    assert fis.get_action(id="aws:fis:wait")["action"]["parameters"] == {"duration": {"required": True}}
