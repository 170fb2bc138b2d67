"""CloudWatch alarms of deployments: that they exist, and their states."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.deployment import AlarmReading, AlarmsRead, DeploymentConfiguration, ReadAlarms

from .amounts import invalid

if TYPE_CHECKING:
    from types_boto3_cloudwatch.client import CloudWatchClient

    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
_MOST_NAMES = 100


def check_alarms(cloudwatch: CloudWatchClient, configuration: DeploymentConfiguration) -> None:
    """Refuse alarms that do not exist. AWS's sentence is not on record."""
    alarms = configuration.alarms
    if not alarms.enable:
        return
    standing = {reading.name for reading in _readings(cloudwatch, alarms.names)}
    missing = [name for name in alarms.names if name not in standing]
    if missing:
        raise invalid(f"The following CloudWatch alarms do not exist: {', '.join(missing)}.")


class AlarmReader:
    """Reads alarms as AWS itself, and hands on what DescribeAlarms answers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def read(self, region: str, order: ReadAlarms, report: Callable[[AlarmsRead], None]) -> None:
        """Read alarms off the lock; `report` gets the answer under it. A look that fails sees no alarm, as on AWS."""

        def work() -> AlarmsRead:
            cloudwatch = self._site.client("cloudwatch", region=region)
            return AlarmsRead(order.deployment_arn, tuple(_readings(cloudwatch, order.names)))

        def done(outcome: Outcome[AlarmsRead]) -> None:
            if outcome.error is not None:
                log.warning("the alarms %s could not be read: %s", ", ".join(order.names), outcome.error)
            report(outcome.value or AlarmsRead(order.deployment_arn, ()))

        self._site.loop.submit(work, done, name="alarms of a deployment")


def _readings(cloudwatch: CloudWatchClient, names: tuple[str, ...]) -> list[AlarmReading]:
    readings: list[AlarmReading] = []
    for first in range(0, len(names), _MOST_NAMES):
        part = list(names[first : first + _MOST_NAMES])
        answer = cloudwatch.describe_alarms(AlarmNames=part, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for alarm in answer["MetricAlarms"]:
            window = float(alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1))
            readings.append(AlarmReading(alarm["AlarmName"], alarm["StateValue"], window))
        readings += [AlarmReading(alarm["AlarmName"], alarm["StateValue"]) for alarm in answer["CompositeAlarms"]]
    return readings
