"""Listener rules, and listeners of Network Load Balancers, as ECS reads and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, ActionTypeDef, TargetGroupTupleTypeDef


def is_listener(arn: str) -> bool:
    """Return whether an ARN is that of a listener, not of a rule."""
    return ":listener/" in arn


class RuleReader:
    """Reads and changes the weights of target groups, with the permissions of a client."""

    def __init__(self, elbv2: ElasticLoadBalancingv2Client) -> None:
        self._elbv2 = elbv2

    def weights(self, arn: str) -> dict[str, int]:
        """Return the weight of each target group that a rule forwards to. Raises ClientError."""
        action, _ = self._forward(arn)
        groups = action["ForwardConfig"].get("TargetGroups", []) if "ForwardConfig" in action else []
        return {group["TargetGroupArn"]: group.get("Weight", 1) for group in groups if "TargetGroupArn" in group}

    def shift(self, arn: str, weights: Mapping[str, int]) -> None:
        """Make a rule forward to target groups by weight. Its stickiness stays. Raises ClientError."""
        action, default = self._forward(arn)
        groups: list[TargetGroupTupleTypeDef] = [
            {"TargetGroupArn": group, "Weight": weight} for group, weight in weights.items()
        ]
        forward: ActionTypeDef = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        if "ForwardConfig" in action and "TargetGroupStickinessConfig" in action["ForwardConfig"]:
            forward["ForwardConfig"] = {
                "TargetGroups": groups,
                "TargetGroupStickinessConfig": action["ForwardConfig"]["TargetGroupStickinessConfig"],
            }
        if is_listener(arn):
            self._elbv2.modify_listener(ListenerArn=arn, DefaultActions=[forward])
        elif default:
            # ModifyRule does not change a listener's default rule; ModifyListener does.
            self._elbv2.modify_listener(ListenerArn=_listener_of(arn), DefaultActions=[forward])
        else:
            self._elbv2.modify_rule(RuleArn=arn, Actions=[forward])

    def _forward(self, arn: str) -> tuple[ActionOutputTypeDef, bool]:
        """Return the action of a rule or listener, and whether it is a listener's default."""
        if is_listener(arn):
            return self._elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"][0], True
        rule = self._elbv2.describe_rules(RuleArns=[arn])["Rules"][0]
        return rule["Actions"][0], rule["IsDefault"]


def _listener_of(rule_arn: str) -> str:
    return rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]
