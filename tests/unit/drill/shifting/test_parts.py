"""Parts of a service that shifts traffic: found in the account and the state, and named when one is missing or not unique."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.drill.scripted import APPLIED

from pushproof.drill.badinput import BadInput
from pushproof.drill.shifting.parts import Parts, parts_of

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import ServiceTypeDef

TRUST = '{"Statement": [{"Principal": {"Service": "ecs.amazonaws.com"}}]}'
DELIVERY = replace(APPLIED.delivery, entrance=replace(APPLIED.delivery.entrance, port=443))
SERVICE: ServiceTypeDef = {"serviceName": "shop", "loadBalancers": [{"targetGroupArn": "blue"}]}


class Balancing:
    """A load balancer whose listeners forward as the test says: groups by the listener's port."""

    def __init__(self, rules: dict[int, list[list[str]]]) -> None:
        self.rules = rules

    def describe_target_groups(self, **_: Any) -> dict[str, Any]:
        return {"TargetGroups": [{"LoadBalancerArns": ["lb"]}]}

    def describe_listeners(self, **_: Any) -> dict[str, Any]:
        return {"Listeners": [{"ListenerArn": str(port), "Port": port} for port in self.rules]}

    def describe_rules(self, ListenerArn: str) -> dict[str, Any]:
        return {
            "Rules": [
                {
                    "RuleArn": f"rule/{ListenerArn}/{number}",
                    "Actions": [
                        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": g} for g in groups]}}
                    ],
                }
                for number, groups in enumerate(self.rules[int(ListenerArn)])
            ]
        }


def role(name: str, policy: str, trust: str = TRUST) -> list[dict[str, Any]]:
    own = {"name": name, "arn": f"arn:aws:iam::1:role/{name}", "assume_role_policy": trust}
    inline = {"role": name, "policy": policy}
    return [
        {"mode": "managed", "type": "aws_iam_role", "address": name, "values": own},
        {"mode": "managed", "type": "aws_iam_role_policy", "address": name, "values": inline},
    ]


def function(name: str) -> dict[str, Any]:
    values = {"function_name": name, "arn": f"arn:aws:lambda:r:1:function:{name}"}
    return {"mode": "managed", "type": "aws_lambda_function", "address": name, "values": values}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"values": {"root_module": {"resources": list(resources)}}}


RULES = {443: [["blue", "green"], ["blue"]], 8443: [["blue", "green"]]}
TRAFFIC = role("traffic", '"elasticloadbalancing:ModifyRule"')
HOOK = role("hook", '"arn:aws:lambda:r:1:function:smoke"')


def parts(rules: dict[int, list[list[str]]], *resources: dict[str, Any]) -> Parts:
    return parts_of(Balancing(rules), state(*resources), SERVICE, DELIVERY)


def test_parts_are_told_apart() -> None:
    """The entrance's rule is production's, the other listener's is for tests; roles differ by what they may do."""
    assert parts(RULES, *TRAFFIC, *HOOK, function("smoke"), function("other")) == Parts(
        "blue", "green", "rule/443/0", "rule/8443/0", "arn:aws:iam::1:role/traffic",
        "arn:aws:lambda:r:1:function:smoke", "arn:aws:iam::1:role/hook",
    )  # fmt: skip
    assert parts(RULES, *TRAFFIC).hook_function == ""


@pytest.mark.parametrize(
    ("rules", "resources", "words"),
    [
        ({443: [["blue"]]}, TRAFFIC, "no listener rule at port 443 that forwards to the target group of shop and a second one"),
        ({443: [["blue", "green"]]}, TRAFFIC, "no listener rule at another port than 443"),
        ({443: [["blue", "green"], ["blue", "red"]]}, TRAFFIC, "several fit as listener rule at port 443"),
        (RULES, [], "no role that ecs.amazonaws.com assumes to change listener rules"),
        (RULES, role("traffic", "x", "ec2"), "no role that ecs.amazonaws.com assumes"),
        (RULES, [*TRAFFIC, *role("second", '"elasticloadbalancing:ModifyRule"')], "several fit as role"),
    ],
)  # fmt: skip
def test_a_missing_part_is_named(
    rules: dict[int, list[list[str]]], resources: list[dict[str, Any]], words: str
) -> None:
    """One target group, no test listener, no infrastructure role, two of them: each is refused before anything changes."""
    with pytest.raises(BadInput, match=words):
        parts(rules, *resources)
