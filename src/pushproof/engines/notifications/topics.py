"""Topics: names, ARNs and attributes.

Sources: https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html , API_SetTopicAttributes.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html ; answers recorded by
https://github.com/localstack/localstack (tests/aws/services/sns/test_sns.snapshot.json) and measured by
https://github.com/badmintoncryer/cdk-preflight (rules/sns).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pushproof.engines.notifications.errors import NotificationError

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,256}")
_FIFO_NAME = re.compile(r"[a-zA-Z0-9_-]{1,251}\.fifo")

_FEEDBACK = frozenset(
    f"{protocol}{what}"
    for protocol in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
    for what in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)
_SETTABLE = _FEEDBACK | {
    "DeliveryPolicy",
    "DisplayName",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
}
_FIFO_ONLY = frozenset({"ContentBasedDeduplication", "ArchivePolicy", "FifoThroughputScope"})

_AT_LEAST = {
    "minDelayTarget": 1,
    "numRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "numMaxDelayRetries": 0,
}
_AT_MOST = {"maxDelayTarget": 3600, "numRetries": 100}
_BACKOFFS = frozenset({"arithmetic", "exponential", "geometric", "linear"})


def check_topic_arn(arn: str | None, *, region: str) -> None:
    """Raise NotificationError unless an ARN may be a topic of this region."""
    parts = (arn or "").split(":")
    if len(parts) < 6:
        raise NotificationError(
            f"Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not {len(parts)}"
        )
    if parts[2] != "sns" or parts[3] != region:
        raise NotificationError("Invalid parameter: TopicArn")


def check_topic(name: str, attributes: Mapping[str, str]) -> None:
    """Raise NotificationError for a name or an attribute that CreateTopic refuses."""
    fifo = attributes.get("FifoTopic", "false").lower() == "true"
    if not (_FIFO_NAME if fifo else _NAME).fullmatch(name):
        raise NotificationError("Invalid parameter: Topic Name")
    for attribute, value in attributes.items():
        if attribute == "FifoTopic":
            continue
        if attribute not in _SETTABLE | _FIFO_ONLY or (attribute in _FIFO_ONLY and not fifo):
            raise NotificationError(f"Invalid parameter: Attributes Reason: Unknown attribute {attribute}")
        _check_value(attribute, value, "Attributes Reason: ")


def check_topic_attribute(name: str, value: str, *, fifo: bool) -> None:
    """Raise NotificationError for an attribute that SetTopicAttributes refuses."""
    if name not in (_SETTABLE | _FIFO_ONLY if fifo else _SETTABLE):
        raise NotificationError("Invalid parameter: AttributeName")
    _check_value(name, value, "")


def _check_value(name: str, value: str, prefix: str) -> None:
    if name == "DisplayName" and len(value) > 100:
        raise NotificationError(f"Invalid parameter: {prefix}DisplayName")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise NotificationError(f"Invalid parameter: {prefix}SignatureVersion: Invalid value. Must be 1 or 2.")
    if name == "TracingConfig" and value not in ("PassThrough", "Active"):
        raise NotificationError(f"Invalid parameter: {prefix}Invalid tracing config value: {value}")
    if name == "ContentBasedDeduplication" and value.lower() not in ("true", "false"):
        raise NotificationError(
            f"Invalid parameter: {prefix}ContentBasedDeduplication: Invalid value [{value}]. Must be true or false."
        )
    if name == "ArchivePolicy" and value and value != "{}":
        days = _object(name, value, prefix).get("MessageRetentionPeriod")
        if not str(days).isdigit() or not 1 <= int(str(days)) <= 365:
            raise NotificationError(
                f"Invalid parameter: {prefix}ArchivePolicy: MessageRetentionPeriod value is invalid"
            )
    if name == "DeliveryPolicy" and value:
        http = _object(name, value, prefix).get("http") or {}
        if isinstance(http, dict):
            check_retries(http, prefix, "http.", ("defaultHealthyRetryPolicy", "defaultThrottlePolicy"))


def _object(name: str, text: str, prefix: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotificationError(f"Invalid parameter: {prefix}{name}: failed to parse JSON. {error}") from None
    if not isinstance(content, dict):
        raise NotificationError(f"Invalid parameter: {prefix}{name}: failed to parse JSON.")
    return content


def check_retries(policy: Mapping[str, Any], prefix: str, path: str, names: tuple[str, str]) -> None:
    """Raise NotificationError for a retry or throttle policy out of its bounds."""

    def refuse(reason: str) -> NotificationError:
        return NotificationError(f"Invalid parameter: {prefix}DeliveryPolicy: {reason}")

    retries, throttle = (policy.get(name) for name in names)
    if isinstance(retries, dict):
        where = f"{path}{names[0]}"
        for name, bound in _AT_LEAST.items():
            if _number(retries.get(name), bound) < bound:
                raise refuse(f"{where}.{name} must be greater than or equal to {bound}")
        for name, bound in _AT_MOST.items():
            if _number(retries.get(name), bound) > bound:
                raise refuse(f"{where}.{name} must be less than or equal to {bound}")
        low, high = retries.get("minDelayTarget"), retries.get("maxDelayTarget")
        if _number(high, 0) < _number(low, 0) and high is not None:
            raise refuse(f"{where}.maxDelayTarget must be greater than or equal to minDelayTarget")
        phases = ("numMinDelayRetries", "numNoDelayRetries", "numMaxDelayRetries")
        total = sum(_number(retries.get(name), 0) for name in phases)
        if _number(retries.get("numRetries"), total) < total:
            raise refuse(
                f"{where}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries "
                "and numMaxDelayRetries"
            )
        backoff = retries.get("backoffFunction")
        if backoff is not None and backoff not in _BACKOFFS:
            raise refuse(f"{where}.backoffFunction: the value [{backoff}] is not a valid backoff function")
    if isinstance(throttle, dict) and _number(throttle.get("maxReceivesPerSecond"), 1) < 1:
        raise refuse(f"{path}{names[1]}.maxReceivesPerSecond must be >= 1")


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
