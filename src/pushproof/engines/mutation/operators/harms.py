"""Sentences of harm, with the page behind each, for types of resources, blocks and settings that many mistakes are about."""

from __future__ import annotations

_AWS = "https://docs.aws.amazon.com"

#: By a part of the resource's type: the first that the type contains counts.
_RESOURCES = {
    "route_table_association": (
        "The subnet falls back to the VPC's main route table, which has no way out.",
        f"{_AWS}/vpc/latest/userguide/subnet-route-tables.html",
    ),
    "aws_route": (
        "Packets to that destination have no route and are dropped: tasks cannot pull images, or clients get no answer.",
        f"{_AWS}/vpc/latest/userguide/VPC_Route_Tables.html",
    ),
    "ingress_rule": (
        "A security group denies what no rule allows, so connections from there time out.",
        f"{_AWS}/vpc/latest/userguide/security-group-rules.html",
    ),
    "egress_rule": (
        "A security group without egress rule lets nothing out: image pulls, logs and health checks time out.",
        f"{_AWS}/vpc/latest/userguide/security-group-rules.html",
    ),
    "vpc_endpoint": (
        "Calls of the service leave through a NAT gateway or not at all: pulls fail with CannotPullContainerError.",
        f"{_AWS}/AmazonECR/latest/userguide/vpc-endpoints.html",
    ),
    "nat_gateway": (
        "Private subnets have no way to the internet.",
        f"{_AWS}/vpc/latest/userguide/vpc-nat-gateway.html",
    ),
    "role_policy_attachment": (
        "The role exists and may do nothing: the service that assumes it fails with AccessDenied at run time.",
        f"{_AWS}/IAM/latest/UserGuide/access_policies_manage-attach-detach.html",
    ),
    "iam_role_policy": (
        "The role exists and may do nothing: the service that assumes it fails with AccessDenied at run time.",
        f"{_AWS}/IAM/latest/UserGuide/access_policies_manage-attach-detach.html",
    ),
    "public_access_block": (
        "One careless ACL or policy makes the bucket public.",
        f"{_AWS}/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
    "server_side_encryption": (
        "The bucket's encryption is what the account's default happens to be, and nobody is told when that changes.",
        f"{_AWS}/AmazonS3/latest/userguide/bucket-encryption.html",
    ),
    "bucket_versioning": (
        "An overwritten or deleted object is gone, and CodePipeline refuses a source bucket without versions.",
        f"{_AWS}/AmazonS3/latest/userguide/Versioning.html",
    ),
    "bucket_notification": (
        "The bucket announces nothing, so uploads start no pipeline.",
        f"{_AWS}/AmazonS3/latest/userguide/EventBridge.html",
    ),
    "bucket_policy": (
        "The bucket's own rules, such as TLS only, are gone.",
        f"{_AWS}/AmazonS3/latest/userguide/bucket-policies.html",
    ),
    "ecr_lifecycle_policy": (
        "Images pile up until the repository's quota stops every push.",
        f"{_AWS}/AmazonECR/latest/userguide/LifecyclePolicies.html",
    ),
    "capacity_providers": (
        "The cluster has no capacity provider, so services that name one place no task.",
        f"{_AWS}/AmazonECS/latest/developerguide/cluster-capacity-providers.html",
    ),
    "event_target": (
        "The rule matches events and passes them to nobody.",
        f"{_AWS}/eventbridge/latest/userguide/eb-targets.html",
    ),
    "event_rule": (
        "Events that should start or announce something match no rule.",
        f"{_AWS}/eventbridge/latest/userguide/eb-rules.html",
    ),
    "sns_topic_subscription": (
        "The topic has no subscriber, so failures are announced to nobody.",
        f"{_AWS}/sns/latest/dg/sns-create-subscribe-endpoint-to-topic.html",
    ),
    "sns_topic_policy": (
        "EventBridge may not publish to the topic, so its notifications are lost.",
        f"{_AWS}/eventbridge/latest/userguide/eb-use-resource-based.html",
    ),
    "lb_listener": (
        "The load balancer listens no longer, so clients cannot connect.",
        f"{_AWS}/elasticloadbalancing/latest/application/load-balancer-listeners.html",
    ),
    "appautoscaling": (
        "The service keeps its number of tasks under load.",
        f"{_AWS}/AmazonECS/latest/developerguide/service-auto-scaling.html",
    ),
    "metric_alarm": (
        "Nobody is alarmed when the metric crosses its threshold.",
        f"{_AWS}/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
    ),
    "log_group": (
        "Logs go nowhere, or to a group that keeps them for ever.",
        f"{_AWS}/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    ),
}


def of_resource(type_: str) -> tuple[str, str]:
    """Return the harm of a missing resource and its page; two empty texts for a type without an entry."""
    return next((pair for part, pair in _RESOURCES.items() if part in type_), ("", ""))
