"""Refusals of load balancers between whose target groups traffic shifts, as AWS words them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.emulator.kernel.errors import AwsError

from .amounts import invalid
from .rules import RuleReader, is_listener

if TYPE_CHECKING:
    from types_boto3_ecs.type_defs import AdvancedConfigurationTypeDef, LoadBalancerTypeDef
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client

_RULE = re.compile(r"arn:aws[\w-]*:elasticloadbalancing:[\w-]+:\d{12}:(listener-rule/app|listener/net)/.+")
_NOT_ASSUMED = (
    "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS service role being passed has "
    "the proper permissions."
)


def check_advanced(
    elbv2: ElasticLoadBalancingv2Client,
    balancers: Sequence[LoadBalancerTypeDef],
    *,
    shifts: bool,
    assume: Callable[[str], object],
) -> None:
    """Refuse what no deployment could shift traffic with. `shifts`: whether the strategy does; `assume` raises AwsError.

    Missing permissions of the infrastructure role are found when a deployment begins.
    """
    advanced = [balancer.get("advancedConfiguration") for balancer in balancers]
    if any(advanced) and not all(advanced):
        raise invalid("Either all or none of the provided loadBalancers must have advancedConfiguration defined")
    if shifts and not all(advanced):
        raise invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy"
        )
    rules = RuleReader(elbv2)
    for balancer, configuration in zip(balancers, advanced, strict=True):
        if configuration:
            _check(rules, balancer, configuration, assume)


def alternate_of(balancer: LoadBalancerTypeDef) -> LoadBalancerTypeDef | None:
    """Return a balancer with the alternate target group in place of the first; None if it has none."""
    alternate = (balancer.get("advancedConfiguration") or {}).get("alternateTargetGroupArn")
    if not alternate:
        return None
    swapped = balancer.copy()
    swapped["targetGroupArn"] = alternate
    return swapped


def _check(
    rules: RuleReader,
    balancer: LoadBalancerTypeDef,
    configuration: AdvancedConfigurationTypeDef,
    assume: Callable[[str], object],
) -> None:
    group, alternate = balancer.get("targetGroupArn", ""), configuration.get("alternateTargetGroupArn", "")
    production, test = configuration.get("productionListenerRule", ""), configuration.get("testListenerRule", "")
    if not alternate:
        raise invalid("alternateTargetGroupArn must be specified in advancedConfiguration.")
    if alternate == group:
        raise invalid(f"targetGroupArn and alternateTargetGroupArn must be different. Got: {group}")
    for name, arn in (("productionListenerRule", production), ("testListenerRule", test)):
        if (arn or name == "productionListenerRule") and not _RULE.fullmatch(arn):
            raise invalid(
                f"{name} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {arn or 'null'}"
            )
    if production == test:
        raise invalid(f"The following rules cannot be used as both production and test listener rules: {production}")
    if not configuration.get("roleArn"):
        raise invalid("roleArn must be specified in advancedConfiguration.")
    try:
        assume(configuration["roleArn"])
    except AwsError as error:
        raise invalid(_NOT_ASSUMED) from error
    served = _groups(rules, production)
    if test:
        _groups(rules, test)
    elif not is_listener(production) and not {group, alternate} <= set(served):
        raise invalid(
            "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with "
            "both targetGroup and alternateTargetGroup"
        )


def _groups(rules: RuleReader, arn: str) -> Mapping[str, int]:
    try:
        return rules.weights(arn)
    except ClientError as error:
        raise invalid(error.response["Error"]["Message"]) from error
