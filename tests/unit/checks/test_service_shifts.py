"""Each fault of deployment alarms and of traffic shifts has its own finding, and a good service has none."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.checks.answers import Answers, clients, refusal

from pushproof.checks.service import ServiceChecks

PREFIX = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
BALANCER = f"{PREFIX}:loadbalancer/app/shop/1"
BLUE, GREEN = f"{PREFIX}:targetgroup/blue/1", f"{PREFIX}:targetgroup/green/2"
PRODUCTION, TEST = f"{PREFIX}:listener-rule/app/shop/1/2/3", f"{PREFIX}:listener-rule/app/shop/1/2/4"
TRAFFIC, HOOKS = "arn:aws:iam::123456789012:role/traffic", "arn:aws:iam::123456789012:role/hooks"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:smoke"
SERVICE: dict[str, Any] = {
    "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/shop/shop",
    "status": "ACTIVE",
    "deploymentConfiguration": {
        "strategy": "CANARY",
        "bakeTimeInMinutes": 5,
        "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 10},
        "alarms": {"enable": True, "rollback": True, "alarmNames": ["errors"]},
        "lifecycleHooks": [
            {"hookTargetArn": FUNCTION, "roleArn": HOOKS, "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"]},
        ],
    },
    "loadBalancers": [
        {
            "containerName": "app",
            "containerPort": 8080,
            "targetGroupArn": BLUE,
            "advancedConfiguration": {
                "alternateTargetGroupArn": GREEN,
                "productionListenerRule": PRODUCTION,
                "testListenerRule": TEST,
                "roleArn": TRAFFIC,
            },
        }
    ],
}
GROUP: dict[str, Any] = {
    "TargetType": "ip",
    "Protocol": "HTTP",
    "Port": 8080,
    "HealthCheckPort": "traffic-port",
    "HealthCheckPath": "/health",
    "Matcher": {"HttpCode": "200"},
    "LoadBalancerArns": [BALANCER],
}
ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors",
    "StateValue": "OK",
    "Namespace": "AWS/ApplicationELB",
    "MetricName": "HTTPCode_Target_5XX_Count",
    "Dimensions": [
        {"Name": "LoadBalancer", "Value": "app/shop/1"},
        {"Name": "TargetGroup", "Value": "targetgroup/blue/1"},
    ],
    "Period": 60,
    "EvaluationPeriods": 3,
}


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def allow(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


class Account:
    """AWS's answers; a test changes a part of them."""

    def __init__(self) -> None:
        self.service, self.alarm = copy.deepcopy(SERVICE), copy.deepcopy(ALARM)
        self.configuration = self.service["deploymentConfiguration"]
        self.advanced = self.service["loadBalancers"][0]["advancedConfiguration"]
        self.groups = {arn: {**copy.deepcopy(GROUP), "TargetGroupArn": arn} for arn in (BLUE, GREEN)}
        self.rules = {PRODUCTION: {BLUE: 1, GREEN: 0}, TEST: {BLUE: 1, GREEN: 0}}
        self.roles = {
            "traffic": (trust("ecs.amazonaws.com"), allow("elasticloadbalancing:*")),
            "hooks": (trust("ecs.amazonaws.com"), allow("lambda:InvokeFunction")),
        }

    def checks(self) -> ServiceChecks:
        def role(RoleName: str) -> Any:
            if RoleName not in self.roles:
                return refusal("NoSuchEntity")
            arn = f"arn:aws:iam::123456789012:role/{RoleName}"
            return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": self.roles[RoleName][0]}}

        def rules(RuleArns: list[str]) -> Any:
            weights = self.rules[RuleArns[0]]
            groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
            return {"Rules": [{"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}]}

        aws = clients(
            ecs=Answers(describe_services={"services": [self.service]}),
            elbv2=Answers(
                describe_target_groups=lambda TargetGroupArns: {"TargetGroups": [self.groups[TargetGroupArns[0]]]},
                describe_rules=rules,
            ),
            cloudwatch=Answers(
                describe_alarms=lambda **request: {
                    "MetricAlarms": [self.alarm] if self.alarm["AlarmName"] in request["AlarmNames"] else []
                }
            ),
            iam=Answers(
                get_role=role,
                list_role_policies={"PolicyNames": ["own"]},
                get_role_policy=lambda **request: {"PolicyDocument": self.roles[request["RoleName"]][1]},
                list_attached_role_policies={"AttachedPolicies": []},
            ),
        )
        return ServiceChecks(aws, cluster="shop", service="shop")


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_good_service_gives_no_finding(account: Account) -> None:
    """Alarms, a first step of ten percent, a hook and two wired groups pass."""
    checks = account.checks()
    assert checks.alarms_guard_it()
    assert checks.shifts_no_more_than(10)
    assert checks.hooks_can_stop_it()
    assert checks.both_target_groups_are_wired()


def change(**members: Any) -> Callable[[Account], None]:
    return lambda account: account.configuration.update(members)


def dimension(name: str, value: str) -> Callable[[Account], None]:
    def do(account: Account) -> None:
        account.alarm["Dimensions"] = [entry for entry in account.alarm["Dimensions"] if entry["Name"] != name]
        if value:
            account.alarm["Dimensions"].append({"Name": name, "Value": value})

    return do


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda account: account.configuration.pop("alarms"), "found: none"),
        (change(alarms={"enable": True, "rollback": False, "alarmNames": ["errors"]}), "rollback False"),
        (change(alarms={"enable": True, "rollback": True, "alarmNames": ["gone"]}), "there is none of that name"),
        (lambda account: account.alarm.update(StateValue="ALARM"), "ignores all of them"),
        (change(bakeTimeInMinutes=0), "bake time of at least 3 minutes"),
        (lambda account: account.alarm.update(EvaluationPeriods=10), "bake time of at least 10 minutes"),
        (dimension("TargetGroup", "targetgroup/other/9"), "TargetGroup targetgroup/other/9"),
        (dimension("LoadBalancer", ""), "no dimension LoadBalancer"),
    ],
)
def test_alarms_that_guard_nothing_are_found(account: Account, mistake: Callable[[Account], Any], says: str) -> None:
    """Each way in which an alarm never stops a deployment has its finding."""
    mistake(account)
    assert says in " ".join(str(account.checks().alarms_guard_it()).split())


def test_a_rolling_update_derives_its_bake_time(account: Account) -> None:
    """ECS derives the bake time of rolling updates from the alarms, so that none is no finding."""
    account.configuration.update(strategy="ROLLING", bakeTimeInMinutes=0)
    assert account.checks().alarms_guard_it()


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"strategy": "ROLLING"}, "ROLLING: 100 %"),
        ({"strategy": "BLUE_GREEN"}, "BLUE_GREEN: 100 %"),
        ({"canaryConfiguration": {"canaryPercent": 10.1, "canaryBakeTimeInMinutes": 10}}, "CANARY: 10.1 %"),
        ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 50.0}}, "LINEAR: 50 %"),
        ({"canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 0}}, "0 minutes"),
    ],
)
def test_a_first_step_that_is_too_large_is_found(account: Account, members: dict[str, Any], says: str) -> None:
    """The finding has the strategy and its share, or the missing time."""
    account.configuration.update(members)
    assert says in " ".join(str(account.checks().shifts_no_more_than(10)).split())


def test_defaults_of_a_canary_count(account: Account) -> None:
    """A canary without settings shifts five percent for ten minutes."""
    del account.configuration["canaryConfiguration"]
    assert account.checks().shifts_no_more_than(5)


def hook(**members: Any) -> Callable[[Account], None]:
    return lambda account: account.configuration["lifecycleHooks"][0].update(members)


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (change(lifecycleHooks=[]), "no hook"),
        (hook(lifecycleStages=["POST_PRODUCTION_TRAFFIC_SHIFT"]), "found: POST_PRODUCTION_TRAFFIC_SHIFT"),
        (hook(timeoutConfiguration={"action": "CONTINUE"}), "continues when it times out"),
        (hook(roleArn="arn:aws:iam::123456789012:role/gone"), "there is no such role"),
        (
            lambda account: account.roles.update(hooks=(trust("lambda.amazonaws.com"), allow("lambda:*"))),
            "its trust policy does not let ECS in",
        ),
        (
            lambda account: account.roles.update(hooks=(trust("ecs.amazonaws.com"), allow("lambda:GetFunction"))),
            f"lambda:InvokeFunction on {FUNCTION}",
        ),
    ],
)
def test_hooks_that_stop_nothing_are_found(account: Account, mistake: Callable[[Account], Any], says: str) -> None:
    """Each way in which a hook cannot say no has its finding."""
    mistake(account)
    assert says in " ".join(str(account.checks().hooks_can_stop_it()).split())


def test_a_pause_stops_it_too(account: Account) -> None:
    """A pause needs neither function nor role."""
    account.configuration["lifecycleHooks"] = [{"targetType": "PAUSE", "lifecycleStages": ["POST_SCALE_UP"]}]
    assert account.checks().hooks_can_stop_it()


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda account: account.service["loadBalancers"][0].pop("advancedConfiguration"), "an alternate target group"),
        (lambda account: account.groups[GREEN].update(HealthCheckPath="/"), "HealthCheckPath / instead of /health"),
        (
            lambda account: account.groups[GREEN].update(UnhealthyThresholdCount=9),
            "UnhealthyThresholdCount 9 instead of",
        ),
        (lambda account: account.rules.update({PRODUCTION: {BLUE: 1}, TEST: {BLUE: 1}}), f"that forwards to {GREEN}"),
        (
            lambda account: account.rules.update({PRODUCTION: {BLUE: 1, GREEN: 1}}),
            "one target group with all the weight",
        ),
        (
            lambda account: account.rules.update({PRODUCTION: {BLUE: 0, GREEN: 0}}),
            "one target group with all the weight",
        ),
        (lambda account: account.roles.pop("traffic"), "there is no such role"),
        (
            lambda account: account.roles.update(
                traffic=(trust("ecs.amazonaws.com"), allow("elasticloadbalancing:Describe*"))
            ),
            f"elasticloadbalancing:ModifyRule on {PRODUCTION}",
        ),
    ],
)
def test_groups_that_cannot_take_turns_are_found(
    account: Account, mistake: Callable[[Account], Any], says: str
) -> None:
    """Each way in which traffic cannot shift has its finding."""
    mistake(account)
    assert says in " ".join(str(account.checks().both_target_groups_are_wired()).split())
