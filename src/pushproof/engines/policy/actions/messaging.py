"""Permissions of the messaging services: SNS, SQS, EventBridge, CloudWatch Logs and metrics.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, pages list_amazonsns, list_amazonsqs,
list_amazoneventbridge, list_amazoncloudwatchlogs, list_amazoncloudwatch. The form of log group ARNs:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pushproof.engines.policy.actions.model import (
    Parameters,
    Permission,
    Scope,
    Table,
    arns_in,
    by_name,
    by_operation,
    pass_role,
    tag_keys,
    texts,
    words,
)

# SNS


def _topic(_operation: str, parameters: Parameters, _scope: Scope) -> Iterable[str] | None:
    for name in ("TopicArn", "TargetArn", "ResourceArn"):
        if parameters.get(name):
            return texts(parameters[name])
    for arn in texts(parameters.get("SubscriptionArn")):
        return [arn.rsplit(":", 1)[0] if arn.count(":") > 5 else arn]
    return None


def _sns_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    for name, key in {"Protocol": "sns:Protocol", "Endpoint": "sns:Endpoint"}.items():
        if parameters.get(name):
            keys[key] = str(parameters[name])
    return keys


def _feedback_role(parameters: Parameters, scope: Scope) -> list[Permission]:
    """The role under which SNS logs its deliveries."""
    name = str(parameters.get("AttributeName", ""))
    role = parameters.get("AttributeValue") if name.endswith("FeedbackRoleArn") else None
    return pass_role(role, "sns.amazonaws.com", scope)


SNS = Table(
    "sns",
    resources={"CreateTopic": by_name("Name", "sns", "{}")},
    anywhere=words("ListTopics ListSubscriptions GetSMSAttributes SetSMSAttributes ListPlatformApplications"),
    renamed={"PublishBatch": "Publish"},
    extra={"SetTopicAttributes": _feedback_role},
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    tagging={"CreateTopic": "TagResource"},
    keys=_sns_keys,
    rule=_topic,
)

# SQS


def _queue(_operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    for url in texts(parameters.get("QueueUrl")):
        parts = url.rstrip("/").split("/")
        account = parts[-2] if len(parts) > 1 and parts[-2].isdigit() else scope.account
        return [scope.arn("sqs", parts[-1], account=account)]
    if parameters.get("QueueName"):
        owner = str(parameters.get("QueueOwnerAWSAccountId") or scope.account)
        return [scope.arn("sqs", str(parameters["QueueName"]), account=owner)]
    return list(arns_in("SourceArn")(parameters, scope)) or None


SQS = Table(
    "sqs",
    anywhere=frozenset({"ListQueues"}),
    renamed={
        "SendMessageBatch": "SendMessage",
        "DeleteMessageBatch": "DeleteMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    tagging={"CreateQueue": "TagQueue"},
    keys=tag_keys,
    rule=_queue,
)

# EventBridge


def _rule(parameter: str) -> Any:
    def resolve(parameters: Parameters, scope: Scope) -> Iterable[str]:
        bus = str(parameters.get("EventBusName") or "default").rsplit("/", 1)[-1]
        names = texts(parameters.get(parameter))
        return [scope.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}") for name in names]

    return resolve


def _buses(parameters: Parameters, scope: Scope) -> Iterable[str]:
    entries = [entry for entry in parameters.get("Entries") or () if isinstance(entry, Mapping)]
    names = [str(entry.get("EventBusName") or "default") for entry in entries]
    return [name if name.startswith("arn:") else scope.arn("events", f"event-bus/{name}") for name in names]


def _target_roles(parameters: Parameters, scope: Scope) -> list[Permission]:
    targets = [target for target in parameters.get("Targets") or () if isinstance(target, Mapping)]
    roles = dict.fromkeys(role for target in targets for role in texts(target.get("RoleArn")))
    return [permission for role in roles for permission in pass_role(role, "events.amazonaws.com", scope)]


def _event_keys(parameters: Parameters) -> dict[str, Any]:
    keys: dict[str, Any] = dict(tag_keys(parameters))
    targets = [target for target in parameters.get("Targets") or () if isinstance(target, Mapping)]
    arns = tuple(str(target["Arn"]) for target in targets if "Arn" in target)
    if arns:
        keys["events:TargetArn"] = arns
    return keys


EVENTS = Table(
    "events",
    resources=by_operation(
        {
            "PutRule DeleteRule DescribeRule EnableRule DisableRule": _rule("Name"),
            "PutTargets RemoveTargets ListTargetsByRule": _rule("Rule"),
            "PutEvents": _buses,
            "CreateEventBus DeleteEventBus DescribeEventBus UpdateEventBus": by_name("Name", "events", "event-bus/{}"),
            "CreateApiDestination UpdateApiDestination DeleteApiDestination DescribeApiDestination": by_name(
                "Name", "events", "api-destination/{}/*"
            ),
            "CreateConnection UpdateConnection DeleteConnection DescribeConnection DeauthorizeConnection": by_name(
                "Name", "events", "connection/{}/*"
            ),
            "CreateArchive UpdateArchive DeleteArchive DescribeArchive": by_name("ArchiveName", "events", "archive/{}"),
            "TagResource UntagResource ListTagsForResource": arns_in("ResourceARN"),
        }
    ),
    anywhere=words(
        "ListRules ListRuleNamesByTarget ListEventBuses ListApiDestinations ListConnections ListArchives ListReplays "
        "TestEventPattern PutPermission RemovePermission"
    ),
    extra={
        "PutRule": lambda p, s: pass_role(p.get("RoleArn"), "events.amazonaws.com", s),
        "PutTargets": _target_roles,
        "CreateEndpoint": lambda p, s: pass_role(p.get("RoleArn"), "events.amazonaws.com", s),
        "UpdateEndpoint": lambda p, s: pass_role(p.get("RoleArn"), "events.amazonaws.com", s),
    },
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    tagging={"PutRule": "TagResource", "CreateEventBus": "TagResource"},
    keys=_event_keys,
)

# CloudWatch Logs: actions are checked against the group's ARN followed by ":log-stream:…", so a policy must end in ":*".


# These operations name groups and have no resource-level permissions.
_LOGS_ANYWHERE = words(
    "PutIndexPolicy DeleteIndexPolicy DescribeIndexPolicies DescribeFieldIndexes PutQueryDefinition ListSyslogConfigurations"
)


def _logs(operation: str, parameters: Parameters, scope: Scope) -> Iterable[str] | None:
    group = parameters.get("logGroupName")
    if operation == "DescribeLogGroups":
        return [scope.arn("logs", "log-group::log-stream:")]
    if operation in _LOGS_ANYWHERE:
        return ("*",)
    if operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        return list(arns_in("resourceArn")(parameters, scope))
    if isinstance(group, str) and group:
        stream = parameters.get("logStreamName") or ""
        return [scope.arn("logs", f"log-group:{group}:log-stream:{stream}")]
    names = [*texts(parameters.get("logGroupIdentifier")), *texts(parameters.get("logGroupIdentifiers")),
             *texts(parameters.get("logGroupNames"))]  # fmt: skip
    if names:
        groups = [name.removesuffix(":*") for name in names]
        return [
            f"{name}:log-stream:" if name.startswith("arn:") else scope.arn("logs", f"log-group:{name}:log-stream:")
            for name in groups
        ]
    return None


LOGS = Table(
    "logs",
    anywhere=words(
        "DescribeQueries DescribeQueryDefinitions DescribeResourcePolicies PutResourcePolicy DeleteResourcePolicy "
        "DescribeDestinations DescribeExportTasks GetQueryResults StopQuery TestMetricFilter"
    ),
    extra={
        "PutSubscriptionFilter": lambda p, s: pass_role(p.get("roleArn"), "logs.amazonaws.com", s),
        "PutDestination": lambda p, s: pass_role(p.get("roleArn"), "logs.amazonaws.com", s),
    },
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    tagging={"CreateLogGroup": "TagResource"},
    keys=tag_keys,
    rule=_logs,
)

# CloudWatch

CLOUDWATCH = Table(
    "cloudwatch",
    resources=by_operation(
        {
            "PutMetricAlarm": by_name("AlarmName", "cloudwatch", "alarm:{}"),
            "DeleteAlarms DescribeAlarms EnableAlarmActions DisableAlarmActions": by_name(
                "AlarmNames", "cloudwatch", "alarm:{}"
            ),
            "SetAlarmState": by_name("AlarmName", "cloudwatch", "alarm:{}"),
            "PutDashboard GetDashboard": by_name("DashboardName", "cloudwatch", "dashboard/{}", region=""),
            "TagResource UntagResource ListTagsForResource": arns_in("ResourceARN"),
        }
    ),
    anywhere=words(
        "PutMetricData GetMetricData GetMetricStatistics ListMetrics ListDashboards DescribeAlarmsForMetric "
        "GetMetricWidgetImage"
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    tagging={"PutMetricAlarm": "TagResource"},
    keys=lambda parameters: {
        **tag_keys(parameters),
        **({"cloudwatch:namespace": str(parameters["Namespace"])} if parameters.get("Namespace") else {}),
    },
)

TAGGING = Table("tag", anywhere=words("GetResources GetTagKeys GetTagValues TagResources UntagResources"))
