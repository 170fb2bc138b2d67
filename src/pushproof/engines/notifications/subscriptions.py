"""Subscriptions: endpoints by protocol, and attributes.

Sources: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html , API_SetSubscriptionAttributes.html, API_Unsubscribe.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html ; answers recorded and measured as in topics.py.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pushproof.engines.notifications.errors import NotificationError
from pushproof.engines.notifications.topics import check_retries

PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose")

#: Protocols without a confirmation: AWS verifies by itself that the endpoint is the subscriber's own.
CONFIRMED_AT_ONCE = frozenset({"sms", "sqs", "application", "lambda", "firehose"})

ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)

_RAW = frozenset({"sqs", "http", "https", "firehose"})
_PHONE = re.compile(r"\+?[1-9][0-9]{1,14}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def check_endpoint(protocol: str, endpoint: str | None, *, topic_is_fifo: bool) -> None:
    """Raise NotificationError unless an endpoint fits its protocol and may subscribe to the topic."""
    if protocol not in PROTOCOLS:
        raise NotificationError(f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise NotificationError("Invalid parameter: Endpoint Reason: no value for required parameter")
    if topic_is_fifo and protocol != "sqs":
        raise NotificationError(f"Invalid parameter: Invalid protocol type: {protocol}")
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        raise NotificationError("Invalid parameter: Endpoint must match the specified protocol")
    if protocol in ("email", "email-json") and not _MAIL.fullmatch(endpoint):
        raise NotificationError("Invalid parameter: Email address")
    if protocol == "sms":
        _check_phone(endpoint)
    for name, service, words in (
        ("sqs", "sqs", "SQS endpoint ARN"),
        ("lambda", "lambda", "Lambda endpoint ARN"),
        ("firehose", "firehose", "Firehose endpoint ARN"),
        ("application", "sns", "Application endpoint arn invalid"),
    ):
        if protocol == name and not re.fullmatch(rf"arn:[^:]+:{service}:[^:]*:[0-9]*:.+", endpoint):
            raise NotificationError(f"Invalid parameter: {words}")
    if protocol == "sqs" and endpoint.endswith(".fifo") and not topic_is_fifo:
        raise NotificationError(
            "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard "
            "SNS topics"
        )


def _check_phone(endpoint: str) -> None:
    """Digits, which single dots, dashes and slashes may divide."""
    divided = re.search(r"[./-]{2,}", endpoint) or endpoint[0] in "./-" or endpoint[-1] in "./-"
    if divided or not _PHONE.fullmatch(re.sub(r"[./ -]", "", endpoint)):
        raise NotificationError(f"Invalid SMS endpoint: {endpoint}")


def check_attribute(name: str, value: str, *, protocol: str, subscribing: bool) -> None:
    """Raise NotificationError for an attribute, other than policies for filters and redrive, that SNS refuses."""
    prefix = "Attributes Reason: " if subscribing else ""
    if name not in ATTRIBUTES:
        raise NotificationError(
            f"Invalid parameter: Attributes Reason: Unknown attribute {name}"
            if subscribing
            else "Invalid parameter: AttributeName"
        )
    if name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise NotificationError(
                f"Invalid parameter: {prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false."
            )
        if value.lower() == "true" and protocol not in _RAW:
            raise NotificationError(
                f"Invalid parameter: {prefix}Delivery protocol [{protocol}] does not support raw message delivery."
            )
    if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
        raise NotificationError(
            f"Invalid parameter: {prefix}FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or "
            "MessageAttributes"
        )
    if name == "DeliveryPolicy" and value:
        try:
            policy = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise NotificationError(
                f"Invalid parameter: {prefix}DeliveryPolicy: failed to parse JSON. {error}"
            ) from None
        if isinstance(policy, dict):
            check_retries(policy, prefix, "", ("healthyRetryPolicy", "throttlePolicy"))


def check_redrive(policy: Any, *, endpoint_is_fifo: bool, region: str, subscribing: bool) -> str:
    """The queue of a redrive policy that has been read. Raises NotificationError."""
    prefix = f"Invalid parameter: {'Attributes Reason: ' if subscribing else ''}RedrivePolicy: "
    arn = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    if arn is None:
        raise NotificationError(prefix + "Missing deadLetterTargetArn attribute")
    match = re.fullmatch(r"arn:[^:]+:([^:]+):([^:]*):[0-9]*:(.+)", arn) if isinstance(arn, str) else None
    if match is None:
        raise NotificationError(prefix + "deadLetterTargetArn is an invalid arn")
    if match[1] != "sqs":
        raise NotificationError(prefix + "deadLetterTargetArn must be a SQS queue")
    if match[2] != region:
        raise NotificationError(prefix + "deadLetterTargetArn must be in the same region as the subscription")
    if endpoint_is_fifo and not match[3].endswith(".fifo"):
        raise NotificationError(prefix + "must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
    return str(arn)


def check_subscription_arn(arn: str | None) -> None:
    """Raise NotificationError unless an ARN may be a subscription's."""
    if not arn:
        raise NotificationError("Invalid parameter: SubscriptionArn Reason: no value for required parameter")
    parts = arn.split(":")
    if len(parts) < 6:
        raise NotificationError(
            f"Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not {len(parts)}"
        )
    if len(parts) == 6:
        raise NotificationError("Invalid parameter: SubscriptionId")
