"""Sentences of harm, with the page behind each, for types of resources, blocks and settings that many mistakes are about."""

from __future__ import annotations

from pushproof.engines.mutation.operators.pages import aws

#: By a part of the resource's type: the first that the type contains counts.
_RESOURCES = {
    "route_table_association": (
        "The subnet falls back to the VPC's main route table, which has no way out.",
        aws("vpc/subnet-route-tables"),
    ),
    "aws_route": (
        "Packets to that destination have no route and are dropped: tasks cannot pull images, or clients get no answer.",
        aws("vpc/VPC_Route_Tables"),
    ),
    "ingress_rule": (
        "A security group denies what no rule allows, so connections from there time out.",
        aws("vpc/security-group-rules"),
    ),
    "egress_rule": (
        "A security group without egress rule lets nothing out: image pulls, logs and health checks time out.",
        aws("vpc/security-group-rules"),
    ),
    "vpc_endpoint": (
        "Calls of the service leave through a NAT gateway or not at all: pulls fail with CannotPullContainerError.",
        aws("ecr/vpc-endpoints"),
    ),
    "nat_gateway": (
        "Private subnets have no way to the internet.",
        aws("vpc/vpc-nat-gateway"),
    ),
    "role_policy_attachment": (
        "The role exists and may do nothing: the service that assumes it fails with AccessDenied at run time.",
        aws("iam/access_policies_manage-attach-detach"),
    ),
    "iam_role_policy": (
        "The role exists and may do nothing: the service that assumes it fails with AccessDenied at run time.",
        aws("iam/access_policies_manage-attach-detach"),
    ),
    "public_access_block": (
        "One careless ACL or policy makes the bucket public.",
        aws("s3/access-control-block-public-access"),
    ),
    "server_side_encryption": (
        "The bucket's encryption is what the account's default happens to be, and nobody is told when that changes.",
        aws("s3/bucket-encryption"),
    ),
    "bucket_versioning": (
        "An overwritten or deleted object is gone, and CodePipeline refuses a source bucket without versions.",
        aws("s3/Versioning"),
    ),
    "bucket_notification": (
        "The bucket announces nothing, so uploads start no pipeline.",
        aws("s3/EventBridge"),
    ),
    "bucket_policy": (
        "The bucket's own rules, such as TLS only, are gone.",
        aws("s3/bucket-policies"),
    ),
    "ecr_lifecycle_policy": (
        "Images pile up until the repository's quota stops every push.",
        aws("ecr/LifecyclePolicies"),
    ),
    "capacity_providers": (
        "The cluster has no capacity provider, so services that name one place no task.",
        aws("ecs/cluster-capacity-providers"),
    ),
    "event_target": (
        "The rule matches events and passes them to nobody.",
        aws("events/eb-targets"),
    ),
    "event_rule": (
        "Events that should start or announce something match no rule.",
        aws("events/eb-rules"),
    ),
    "sns_topic_subscription": (
        "The topic has no subscriber, so failures are announced to nobody.",
        aws("sns/sns-create-subscribe-endpoint-to-topic"),
    ),
    "sns_topic_policy": (
        "EventBridge may not publish to the topic, so its notifications are lost.",
        aws("events/eb-use-resource-based"),
    ),
    "lb_listener": (
        "The load balancer listens no longer, so clients cannot connect.",
        aws("alb/load-balancer-listeners"),
    ),
    "appautoscaling": (
        "The service keeps its number of tasks under load.",
        aws("ecs/service-auto-scaling"),
    ),
    "metric_alarm": (
        "Nobody is alarmed when the metric crosses its threshold.",
        aws("cloudwatch/AlarmThatSendsEmail"),
    ),
    "log_group": (
        "Logs go nowhere, or to a group that keeps them for ever.",
        aws("logs/Working-with-log-groups-and-streams"),
    ),
}


def of_resource(type_: str) -> tuple[str, str]:
    """Return the harm of a missing resource and its page; two empty texts for a type without an entry."""
    return next((pair for part, pair in _RESOURCES.items() if part in type_), ("", ""))
