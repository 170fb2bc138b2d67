"""Inventory of an account, read service by service, as proof that nothing was left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient

if TYPE_CHECKING:
    from pushproof.aws.clients import Clients

Lister = Callable[[BaseClient], Iterator[str]]


def inventory(client: Clients) -> list[str]:
    """Return every resource of the kinds that the stack creates, as `service kind name`, without what AWS itself puts into an
    account.
    """
    resources: list[str] = []
    for service, listers in _LISTERS.items():
        api = client(service)
        for kind, lister in listers.items():
            resources += [f"{service} {kind} {name}" for name in lister(api)]
    return resources


def _pages(api: BaseClient, operation: str, key: str, **arguments: object) -> Iterator[Any]:
    if api.can_paginate(operation):
        for page in api.get_paginator(operation).paginate(**arguments):
            yield from page.get(key, [])
    else:
        yield from getattr(api, operation)(**arguments).get(key, [])


def _named(operation: str, key: str, name: str, **arguments: object) -> Lister:
    def lister(api: BaseClient) -> Iterator[str]:
        for item in _pages(api, operation, key, **arguments):
            yield item if isinstance(item, str) else str(item[name])

    return lister


def _vpcs(api: BaseClient) -> Iterator[str]:
    yield from (v["VpcId"] for v in _pages(api, "describe_vpcs", "Vpcs") if not v.get("IsDefault"))


def _of_own_vpcs(operation: str, key: str, name: str) -> Lister:
    """Return a lister of resources in VPCs other than the default one."""

    def lister(api: BaseClient) -> Iterator[str]:
        own = set(_vpcs(api))
        yield from (str(i[name]) for i in _pages(api, operation, key) if i.get("VpcId") in own)

    return lister


def _nat_gateways(api: BaseClient) -> Iterator[str]:
    yield from (
        n["NatGatewayId"] for n in _pages(api, "describe_nat_gateways", "NatGateways") if n["State"] != "deleted"
    )


def _endpoints(api: BaseClient) -> Iterator[str]:
    yield from (
        e["VpcEndpointId"]
        for e in _pages(api, "describe_vpc_endpoints", "VpcEndpoints")
        if e["State"].lower() != "deleted"
    )


def _internet_gateways(api: BaseClient) -> Iterator[str]:
    own = set(_vpcs(api))
    for gateway in _pages(api, "describe_internet_gateways", "InternetGateways"):
        attached = {a["VpcId"] for a in gateway.get("Attachments", [])}
        if not attached or attached & own:
            yield gateway["InternetGatewayId"]


def _services(api: BaseClient) -> Iterator[str]:
    for cluster in _pages(api, "list_clusters", "clusterArns"):
        yield from _pages(api, "list_services", "serviceArns", cluster=cluster)


def _tasks(api: BaseClient) -> Iterator[str]:
    for cluster in _pages(api, "list_clusters", "clusterArns"):
        yield from _pages(api, "list_tasks", "taskArns", cluster=cluster)


def _roles(api: BaseClient) -> Iterator[str]:
    yield from (
        r["RoleName"] for r in _pages(api, "list_roles", "Roles") if not r["Path"].startswith("/aws-service-role/")
    )


def _rules(api: BaseClient) -> Iterator[str]:
    yield from (r["Name"] for r in _pages(api, "list_rules", "Rules") if not r.get("ManagedBy"))


_LISTERS: dict[str, dict[str, Lister]] = {
    "ec2": {
        "vpc": _vpcs,
        "subnet": _of_own_vpcs("describe_subnets", "Subnets", "SubnetId"),
        "network-interface": _of_own_vpcs("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
        "nat-gateway": _nat_gateways,
        "vpc-endpoint": _endpoints,
        "internet-gateway": _internet_gateways,
        "elastic-ip": _named("describe_addresses", "Addresses", "AllocationId"),
    },
    "ecs": {"cluster": _named("list_clusters", "clusterArns", ""), "service": _services, "task": _tasks},
    "ecr": {"repository": _named("describe_repositories", "repositories", "repositoryName")},
    "elbv2": {
        "load-balancer": _named("describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
        "target-group": _named("describe_target_groups", "TargetGroups", "TargetGroupName"),
    },
    "codebuild": {"project": _named("list_projects", "projects", "")},
    "codepipeline": {"pipeline": _named("list_pipelines", "pipelines", "name")},
    "codestar-connections": {"connection": _named("list_connections", "Connections", "ConnectionName")},
    "iam": {"role": _roles, "policy": _named("list_policies", "Policies", "PolicyName", Scope="Local")},
    "s3": {"bucket": _named("list_buckets", "Buckets", "Name")},
    "logs": {"log-group": _named("describe_log_groups", "logGroups", "logGroupName")},
    "secretsmanager": {"secret": _named("list_secrets", "SecretList", "Name")},
    "sns": {"topic": _named("list_topics", "Topics", "TopicArn")},
    "sqs": {"queue": _named("list_queues", "QueueUrls", "")},
    "events": {
        "rule": _rules,
        "connection": _named("list_connections", "Connections", "Name"),
        "api-destination": _named("list_api_destinations", "ApiDestinations", "Name"),
    },
    "acm": {"certificate": _named("list_certificates", "CertificateSummaryList", "CertificateArn")},
    "dynamodb": {"table": _named("list_tables", "TableNames", "")},
}
