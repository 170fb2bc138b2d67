"""Members that AWS's model leaves optional and an operation needs all the same: refused, never an internal error.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html (ValidationError).
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    "pairs",
    [pytest.param([{"Priority": 7}], id="no-arn"), pytest.param([{"RuleArn": "?"}], id="no-priority"), []],
)
def test_rule_priorities_need_a_rule_and_a_priority(stack: Any, pairs: list[dict[str, Any]]) -> None:
    """SetRulePriorities refuses a pair that lacks its rule or its priority, and no pairs at all."""
    assert stack.refused("set_rule_priorities", RulePriorities=pairs) == (
        "ValidationError",
        "A rule ARN and a priority must be specified",
    )


def test_subnet_mappings_name_subnets(stack: Any) -> None:
    """A subnet mapping without a subnet is refused, by CreateLoadBalancer and by SetSubnets, and changes nothing."""
    bare = {"PrivateIPv4Address": "10.0.1.9"}
    expected = ("ValidationError", "A subnet ID must be specified in each subnet mapping")
    assert stack.refused("create_load_balancer", Name="bare", SubnetMappings=[bare]) == expected
    before = stack.balancer()
    assert stack.refused("set_subnets", LoadBalancerArn=before["LoadBalancerArn"], SubnetMappings=[bare]) == expected
    (after,) = stack.elbv2.describe_load_balancers()["LoadBalancers"]
    assert after["AvailabilityZones"] == before["AvailabilityZones"]
