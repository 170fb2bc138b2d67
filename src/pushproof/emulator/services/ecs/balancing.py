"""Refusals of a service's load balancers and registries, as AWS words them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pushproof.engines.deployment import LoadBalancer

from .advanced import alternate_of
from .amounts import at_most, invalid
from .model import TaskDefinition

if TYPE_CHECKING:
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client


def check_balancing(
    elbv2: ElasticLoadBalancingv2Client,
    definition: TaskDefinition,
    parameters: Mapping[str, Any],
    *,
    attached: bool = True,
) -> None:
    """Refuse balancers whose container, port or target group does not fit the task definition.

    `attached`: some listener has to use each target group. That of a task set gets its listener later.
    """
    balancers = parameters.get("loadBalancers") or []
    at_most("load balancers", balancers, 5)
    at_most("service registries", parameters.get("serviceRegistries"), 1)
    for balancer in balancers:
        _check_balancer(elbv2, definition, balancer, attached)
        alternate = alternate_of(balancer)
        if alternate is not None:
            _check_balancer(elbv2, definition, alternate, attached)


def check_grace(parameters: Mapping[str, Any]) -> None:
    """Refuse a grace period for a service without health checks of a load balancer."""
    if parameters.get("healthCheckGracePeriodSeconds") and not parameters.get("loadBalancers"):
        raise invalid("Health check grace period is only valid for services configured to use load balancers")


def balancers_of(parameters: Mapping[str, Any]) -> list[LoadBalancer]:
    """Return the load balancers in the form of the deployment engine."""
    return [
        LoadBalancer(
            balancer["targetGroupArn"],
            balancer["containerName"],
            balancer["containerPort"],
            advanced.get("alternateTargetGroupArn", ""),
            advanced.get("productionListenerRule", ""),
            advanced.get("testListenerRule", ""),
            advanced.get("roleArn", ""),
        )
        for balancer in parameters.get("loadBalancers") or []
        for advanced in [balancer.get("advancedConfiguration") or {}]
    ]


def _check_balancer(
    elbv2: ElasticLoadBalancingv2Client, definition: TaskDefinition, balancer: Mapping[str, Any], attached: bool
) -> None:
    arn, name, port = balancer.get("targetGroupArn"), balancer.get("containerName"), balancer.get("containerPort")
    awsvpc = definition.document.get("networkMode") == "awsvpc"
    if arn and balancer.get("loadBalancerName"):
        raise invalid("loadBalancerName and targetGroupArn cannot both be specified")
    if not arn and balancer.get("loadBalancerName"):
        raise invalid("Classic Load Balancers are not supported with Fargate.")
    if not arn:
        raise invalid("targetGroupArn must be specified for a load balancer.")
    container = next((container for container in definition.containers if container["name"] == name), None)
    if container is None:
        raise invalid(f"The container {name} does not exist in the task definition.")
    if port is None or port not in [mapping.get("containerPort") for mapping in container["portMappings"]]:
        raise invalid(f"The container {name} did not have a container port {port} defined.")
    try:
        group = elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    except ClientError as error:
        raise invalid(
            f"Unable to assume role and validate the specified targetGroupArn: {error.response['Error']['Message']}"
        ) from error
    if attached and not group.get("LoadBalancerArns"):
        raise invalid(f"The target group with targetGroupArn {arn} does not have an associated load balancer.")
    if awsvpc and group["TargetType"] != "ip":
        raise invalid(
            f"The provided target group {arn} has target type {group['TargetType']}, which is incompatible with the "
            "awsvpc network mode specified in the task definition."
        )
