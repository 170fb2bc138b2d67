"""Actions of alarms that change their state: messages to SNS topics, and invocations of Lambda functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.session import get_session

from pushproof.aws.arns import region_of
from pushproof.emulator.kernel.errors import AwsError, not_implemented
from pushproof.engines.alarms import AlarmStateName

if TYPE_CHECKING:
    from datetime import datetime

    from pushproof.emulator.kernel.loop import Outcome
    from pushproof.emulator.kernel.shapes.cloudwatch import PutMetricAlarmRequest
    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

_TOPICS, _FUNCTIONS = "cloudwatch.amazonaws.com", "lambda.alarms.cloudwatch.amazonaws.com"
_ARN = re.compile(r"arn:[\w-]+:(?P<service>[\w-]+):[\w-]*:[\w-]*:.+")
# Scaling policies are accepted: those of Application Auto Scaling have alarms of their own here, and none ever scales.
_DONE = frozenset({"sns", "lambda", "autoscaling"})
# https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html: the default policy admits the owner's services.
_DEFAULT_POLICY = "__default_policy_ID"
_LONGEST_SUBJECT = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """Content of an alarm's messages, and their receivers: action ARNs by the state that the alarm changes to."""

    enabled: bool = True
    actions: Mapping[AlarmStateName, tuple[str, ...]] = field(default_factory=dict)
    description: str | None = None
    trigger: str = "{}"

    @classmethod
    def of(cls, request: PutMetricAlarmRequest) -> Notice:
        """Return the notice of an alarm as it was put."""
        return cls(
            enabled=request.get("ActionsEnabled", True),
            actions={
                "OK": tuple(request.get("OKActions") or ()),
                "ALARM": tuple(request.get("AlarmActions") or ()),
                "INSUFFICIENT_DATA": tuple(request.get("InsufficientDataActions") or ()),
            },
            description=request.get("AlarmDescription"),
            trigger=json.dumps(_trigger(request)),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alarm's state; `configuration` and `metrics` as the event of the change shows them."""

    name: str
    arn: str
    region: str
    state: AlarmStateName
    before: AlarmStateName
    reason: str
    at: datetime
    metrics: tuple[dict[str, object], ...] = ()


def check_actions(request: PutMetricAlarmRequest) -> None:
    """Refuse actions that are no ARN, in AWS's words, and those that do not happen here, by name."""
    for member in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        for arn in request.get(member) or ():  # type: ignore[attr-defined]
            matched = _ARN.fullmatch(str(arn))
            if matched is None:
                raise AwsError("ValidationError", f"Invalid arn syntax: {arn}", 400)
            if matched["service"] not in _DONE:
                raise not_implemented("cloudwatch", f"{member} of {matched['service']} ({arn})")


class Notifier:
    """Carries out the actions of alarms."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def act(self, notice: Notice, change: Change) -> None:
        """Carry out what the alarm has for its new state, off the lock."""
        if not notice.enabled:
            return
        for arn in notice.actions.get(change.state, ()):
            service = arn.split(":")[2]
            if service in ("sns", "lambda"):
                send = self._publish if service == "sns" else self._invoke
                self._site.loop.submit(
                    partial(send, arn, notice, change),
                    partial(_sent, arn, change),
                    name=f"action of alarm {change.name}",
                )

    def _publish(self, arn: str, notice: Notice, change: Change) -> None:
        region = region_of(arn)
        attributes = self._site.substrate.client("sns", region).get_topic_attributes(TopicArn=arn)["Attributes"]
        policy = json.loads(attributes.get("Policy") or "{}")
        if policy.get("Id") != _DEFAULT_POLICY:
            self._site.permissions.require_service(_TOPICS, "sns:Publish", arn, source_arn=change.arn, region=region)
        subject = f'{change.state}: "{change.name}" in {region_name(change.region)}'
        self._site.client("sns", region=region).publish(
            TopicArn=arn, Subject=subject[:_LONGEST_SUBJECT], Message=json.dumps(self._message(notice, change))
        )

    def _invoke(self, arn: str, notice: Notice, change: Change) -> None:
        region = region_of(arn)
        self._site.substrate.client("lambda", region).get_function_configuration(FunctionName=arn)
        self._site.permissions.require_service(
            _FUNCTIONS, "lambda:InvokeFunction", arn, source_arn=change.arn, region=region
        )
        stamp = change.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
        event = {
            "source": "aws.cloudwatch",
            "alarmArn": change.arn,
            "accountId": self._site.account_id,
            "time": stamp,
            "region": change.region,
            "alarmData": {
                "alarmName": change.name,
                "state": {"value": change.state, "reason": change.reason, "timestamp": stamp},
                "previousState": {"value": change.before},
                "configuration": {"description": notice.description, "metrics": list(change.metrics)},
            },
        }
        self._site.client("lambda", region=region).invoke(
            FunctionName=arn, InvocationType="Event", Payload=json.dumps(event).encode()
        )

    def _message(self, notice: Notice, change: Change) -> dict[str, object]:
        """Return the message of a state change, as AWS sends it to topics."""
        return {
            "AlarmName": change.name,
            "AlarmDescription": notice.description,
            "AWSAccountId": self._site.account_id,
            "NewStateValue": change.state,
            "NewStateReason": change.reason,
            "StateChangeTime": change.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
            "Region": region_name(change.region),
            "AlarmArn": change.arn,
            "OldStateValue": change.before,
            "OKActions": list(notice.actions.get("OK", ())),
            "AlarmActions": list(notice.actions.get("ALARM", ())),
            "InsufficientDataActions": list(notice.actions.get("INSUFFICIENT_DATA", ())),
            "Trigger": json.loads(notice.trigger),
        }


def _sent(arn: str, change: Change, outcome: Outcome[None]) -> None:
    """Log an action that failed, as CloudWatch notes it in the alarm's history and goes on."""
    error = outcome.error
    if isinstance(error, AwsError | ClientError):
        log.warning("alarm %s could not carry out its action %s: %s", change.name, arn, error)
        return
    outcome.get()


@cache
def region_name(region: str) -> str:
    """Return the name by which alarms call a region: `EU (Ireland)`, `US East (N. Virginia)`; unknown ones by their code."""
    partitions: Any = get_session().get_data("endpoints")["partitions"]
    for partition in partitions:
        if region in partition["regions"]:
            description: str = partition["regions"][region]["description"]
            return description.replace("Europe", "EU")
    return region


def _trigger(request: PutMetricAlarmRequest) -> dict[str, object]:
    rule: dict[str, object] = {
        "Period": request.get("Period"),
        "EvaluationPeriods": request.get("EvaluationPeriods"),
        **({"DatapointsToAlarm": request["DatapointsToAlarm"]} if "DatapointsToAlarm" in request else {}),
        "ComparisonOperator": request.get("ComparisonOperator"),
        "Threshold": request.get("Threshold"),
        "TreatMissingData": request.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": request.get("EvaluateLowSampleCountPercentile") or "",
    }
    if request.get("Metrics"):
        rule.pop("Period")
        return {**rule, "Metrics": request["Metrics"]}
    statistic: dict[str, object] = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": request["ExtendedStatistic"]}
        if request.get("ExtendedStatistic")
        else {"StatisticType": "Statistic", "Statistic": _upper(str(request.get("Statistic") or ""))}
    )
    return {
        "MetricName": request.get("MetricName"),
        "Namespace": request.get("Namespace"),
        **statistic,
        "Unit": request.get("Unit"),
        "Dimensions": [{"value": d.get("Value"), "name": d.get("Name")} for d in request.get("Dimensions") or ()],
        **rule,
    }


def _upper(statistic: str) -> str:
    """Return a statistic as messages write it: SampleCount is SAMPLE_COUNT."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", statistic).upper()
