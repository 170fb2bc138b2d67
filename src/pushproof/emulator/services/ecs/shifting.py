"""Production and test traffic between the two target groups of a service, moved with its infrastructure role.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.errors import AwsError
from pushproof.engines.deployment import ALL, CheckListeners, LoadBalancer, ShiftTraffic

from .rules import RuleReader

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

_Attempt = Callable[[RuleReader], str]

PRINCIPAL = "ecs.amazonaws.com"
_BECAUSE = "Service deployment rolled back because of invalid networking configuration"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


class TrafficShifter:
    """Checks the listener rules of a deployment, and shifts traffic. Answers are reasons for a rollback, or empty."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def check(self, region: str, order: CheckListeners) -> str:
        """Return the reason for which traffic cannot be shifted."""
        for balancer in order.balancers:
            problem = self._attempt(balancer, partial(self._check, balancer, region))
            if problem:
                return problem
        return ""

    def shift(self, order: ShiftTraffic) -> str:
        """Give the new revision's target groups their weight. Return the reason for which that was not possible."""
        for balancer in order.balancers:
            rule = balancer.test_rule if order.test else balancer.production_rule
            if rule:
                weights = _weights(balancer, order.weight)
                problem = self._attempt(balancer, partial(_move, rule, weights))
                if problem:
                    return problem
        return ""

    def _attempt(self, balancer: LoadBalancer, do: _Attempt) -> str:
        try:
            role = self._site.assume(balancer.role_arn, PRINCIPAL, "ecs-infrastructure")
            return do(RuleReader(self._site.client("elbv2", region=_region(balancer), credentials=role)))
        except AwsError as error:
            return _refused(balancer, error.code, error.message)
        except ClientError as error:
            details = error.response["Error"]
            return _refused(balancer, details["Code"], details["Message"])

    def _check(self, balancer: LoadBalancer, region: str, rules: RuleReader) -> str:
        production = rules.weights(balancer.production_rule)
        test = rules.weights(balancer.test_rule) if balancer.test_rule else {}
        both = (balancer.target_group_arn, balancer.alternate_target_group_arn)
        for group in both:
            if group not in production and group not in test:
                return (
                    f"{_BECAUSE}: Target group {group} is not associated with either productionListenerRule or "
                    "testListenerRule."
                )
        serving = [group for group in both if production.get(group)]
        if len(serving) != 1:
            return (
                f"{_BECAUSE}. productionListenerRule {balancer.production_rule} should have exactly one target group serving "
                f"traffic but found {len(serving)} target groups which are serving traffic"
            )
        permissions = self._site.permissions
        principal = permissions.principal(self._site.assume(balancer.role_arn, PRINCIPAL).access_key_id)
        for group in both:
            for action in ("RegisterTargets", "DeregisterTargets"):
                permissions.require(principal, f"elasticloadbalancing:{action}", group, region=region)
        return ""


def _move(arn: str, weights: Mapping[str, int], rules: RuleReader) -> str:
    rules.shift(arn, weights)
    return ""


def _weights(balancer: LoadBalancer, tenths: int) -> dict[str, int]:
    """Return the weights of both groups: in percent where that is exact, else in tenths of it, which rules take up to 999."""
    whole = tenths % 10 == 0
    share, rest = (tenths // 10, (ALL - tenths) // 10) if whole else (tenths, ALL - tenths)
    return {balancer.group: share, balancer.other: rest}


def _refused(balancer: LoadBalancer, code: str, message: str) -> str:
    if code in _DENIED:
        return (
            f"{_BECAUSE}. ECS was unable to manage the ELB resources due to missing permissions on ECS Infrastructure Role "
            f"'{balancer.role_arn}'."
        )
    return f"{_BECAUSE}. {message}"


def _region(balancer: LoadBalancer) -> str:
    return balancer.production_rule.split(":")[3]
