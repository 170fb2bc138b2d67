"""Elastic Load Balancing v2: Application and Network Load Balancers, with a store and a data plane that really serves requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.elbv2.listeners import ListenerOperations
from pushproof.emulator.services.elbv2.loadbalancers import LoadBalancerOperations
from pushproof.emulator.services.elbv2.metrics import MetricOperations
from pushproof.emulator.services.elbv2.store import page
from pushproof.emulator.services.elbv2.tagging import TagOperations
from pushproof.emulator.services.elbv2.targetgroups import TargetGroupOperations
from pushproof.engines.tlspolicy import POLICIES, TlsPolicy

if TYPE_CHECKING:
    from types_boto3_elbv2.type_defs import SslPolicyTypeDef

    from pushproof.emulator.kernel.shapes.elbv2 import (
        DescribeAccountLimitsAnswer,
        DescribeAccountLimitsRequest,
        DescribeSSLPoliciesAnswer,
        DescribeSSLPoliciesRequest,
    )


# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
_LIMITS = {
    "application-load-balancers": 50,
    "certificates-per-application-load-balancer": 25,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 6,
    "listeners-per-application-load-balancer": 50,
    "rules-per-application-load-balancer": 100,
    "target-groups": 3000,
    "target-groups-per-action-on-application-load-balancer": 5,
    "target-groups-per-application-load-balancer": 100,
    "target-id-registrations-per-application-load-balancer": 1000,
    "targets-per-application-load-balancer": 1000,
}


class LoadBalancingService(
    LoadBalancerOperations, TargetGroupOperations, ListenerOperations, TagOperations, MetricOperations
):
    """The ELBv2 API. In process, ECS uses `register_target`, `deregister_target`, `target_health` and `subscribe`."""

    def describe_ssl_policies(
        self, context: RequestContext, request: DescribeSSLPoliciesRequest
    ) -> DescribeSSLPoliciesAnswer:
        names = request.get("Names") or list(POLICIES)
        if request.get("LoadBalancerType") not in (None, "application", "network"):
            names = []
        unknown = [name for name in names if name not in POLICIES]
        if unknown:
            raise AwsError("SSLPolicyNotFound", f"SSL policy '{unknown[0]}' not found")
        chosen, more = page(request, [POLICIES[name] for name in names])
        return {"SslPolicies": [_shown_policy(policy) for policy in chosen], **more}

    def describe_account_limits(
        self, context: RequestContext, request: DescribeAccountLimitsRequest
    ) -> DescribeAccountLimitsAnswer:
        chosen, more = page(request, _LIMITS.items())
        return {"Limits": [{"Name": name, "Max": str(most)} for name, most in chosen], **more}


def _shown_policy(policy: TlsPolicy) -> SslPolicyTypeDef:
    return {
        "Name": policy.name,
        "SslProtocols": list(policy.protocols),
        "Ciphers": [{"Name": name, "Priority": number} for number, name in enumerate(policy.ciphers, 1)],
        "SupportedLoadBalancerTypes": ["application", "network"],
    }
