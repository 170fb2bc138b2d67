"""Listeners between two target groups: which rules forward to them, and the shares of traffic.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-groups-create-load-balancer-for-ecs.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from pushproof.engines.codedeploy import ALL

from .refused import Refused, elb_refused

if TYPE_CHECKING:
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from types_boto3_elbv2.type_defs import ActionOutputTypeDef, ActionTypeDef, RuleTypeDef


class Routes:
    """The rules of listeners, with the permissions of a client. Everything raises Refused."""

    def __init__(self, elbv2: ElasticLoadBalancingv2Client, worded: Callable[[ClientError], Refused]) -> None:
        self._elbv2 = elbv2
        self._worded = worded

    def arns(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ARNs of target groups by name."""
        with self._errors():
            groups = self._elbv2.describe_target_groups(Names=list(names))["TargetGroups"]
        by_name = {group["TargetGroupName"]: group["TargetGroupArn"] for group in groups}
        return tuple(by_name[name] for name in names)

    def check(self, listener: str, group: str) -> None:
        """Refuse a listener that does not forward to the target group of the primary task set."""
        if not self._rules(listener, [group]):
            raise elb_refused(f"Primary taskset target group must be behind listener {listener}")

    def check_any(self, listener: str, groups: Collection[str]) -> None:
        """Refuse a listener that forwards to none of the target groups."""
        if not self._rules(listener, groups):
            raise elb_refused(f"the listener {listener} forwards to none of the deployment group's target groups")

    def shift(self, listener: str, blue: str, green: str, weight: int, *, whole: bool) -> None:
        """Give `green` a percentage of what the listener forwards to either. `whole`: one of them has all of it.

        Every rule that forwards to one of them changes, the default rule too.
        """
        for rule in self._rules(listener, (blue, green)):
            actions = [_shifted(action, (blue, green), weight, whole=whole) for action in rule["Actions"]]
            with self._errors():
                if rule["IsDefault"]:
                    # ModifyRule does not change a listener's default rule; ModifyListener does.
                    self._elbv2.modify_listener(ListenerArn=listener, DefaultActions=actions)
                else:
                    self._elbv2.modify_rule(RuleArn=rule["RuleArn"], Actions=actions)

    def _rules(self, listener: str, groups: Collection[str]) -> list[RuleTypeDef]:
        """Return the rules of a listener that forward to one of the groups."""
        with self._errors():
            rules = self._elbv2.describe_rules(ListenerArn=listener)["Rules"]
        return [rule for rule in rules if any(_forwards_to(action) & set(groups) for action in rule["Actions"])]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._worded(error) from error


def _forwards_to(action: ActionOutputTypeDef) -> set[str]:
    if action["Type"] != "forward":
        return set()
    groups = {group.get("TargetGroupArn", "") for group in action.get("ForwardConfig", {}).get("TargetGroups", [])}
    return groups | ({action["TargetGroupArn"]} if "TargetGroupArn" in action else set())


def _shifted(action: ActionOutputTypeDef, pair: tuple[str, str], weight: int, *, whole: bool) -> ActionTypeDef:
    """Return an action after a shift; one that forwards to neither group stays as it is."""
    if not _forwards_to(action) & set(pair):
        # What DescribeRules shows is what ModifyRule takes.
        return cast("ActionTypeDef", action)
    blue, green = pair
    forward: ActionTypeDef = {"Type": "forward"}
    if "Order" in action:
        forward["Order"] = action["Order"]
    if whole:
        forward["TargetGroupArn"] = green if weight == ALL else blue
        return forward
    forward["ForwardConfig"] = {
        "TargetGroups": [
            {"TargetGroupArn": blue, "Weight": ALL - weight},
            {"TargetGroupArn": green, "Weight": weight},
        ]
    }
    stickiness = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig")
    if stickiness is not None:
        forward["ForwardConfig"]["TargetGroupStickinessConfig"] = stickiness
    return forward
