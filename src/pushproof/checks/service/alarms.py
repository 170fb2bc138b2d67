"""Alarms over deployments: they exist, they watch this service, and they have the time to go off."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.service.described import DescribedService

if TYPE_CHECKING:
    from types_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

_ALARMS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html"
_MISSING = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"
_BALANCERS = ("AWS/ApplicationELB", "AWS/NetworkELB")


class AlarmChecks(DescribedService):
    """Checks of deployment alarms."""

    @check
    def alarms_guard_it(self) -> Iterator[Finding]:
        """CloudWatch alarms on this service's own metrics roll its deployments back, within the bake time."""
        service = self._describe()
        configuration = service.get("deploymentConfiguration", {})
        alarms = configuration.get("alarms")
        fault = partial(Finding, resource=service["serviceArn"], page=_ALARMS)
        if not alarms or not (alarms["enable"] and alarms["rollback"] and alarms["alarmNames"]):
            yield fault(
                expected="deployment alarms with enable and rollback",
                found="none" if not alarms else f"enable {alarms['enable']}, rollback {alarms['rollback']}",
                why="A revision whose tasks are healthy and whose answers are wrong stays: no health check notices it.",
                change="In aws_ecs_service: alarms { enable = true, rollback = true, alarm_names = […] }",
            )
            return
        names = list(alarms["alarmNames"])
        answer = self.aws("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        metric = {alarm["AlarmName"]: alarm for alarm in answer.get("MetricAlarms", [])}
        states = {name: alarm["StateValue"] for name, alarm in metric.items()}
        states |= {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer.get("CompositeAlarms", [])}
        for name in names:
            if name not in states:
                yield fault(
                    expected=f"an alarm {name}",
                    found="there is none of that name",
                    why="The deployment goes on without it; the next UpdateService that names it is refused.",
                    change="Refer to the alarm: alarm_names = [aws_cloudwatch_metric_alarm.….alarm_name]",
                )
            elif states[name] == "ALARM":
                yield fault(
                    expected=f"alarm {name} in OK when a deployment begins",
                    found="ALARM",
                    why="With one alarm in ALARM at its start, a deployment ignores all of them.",
                    change="Find out why it is in ALARM before the next push.",
                )
        for alarm in metric.values():
            yield from self._watches(service["serviceArn"], alarm)
        bake = configuration.get("bakeTimeInMinutes") or 0
        if configuration.get("strategy", "ROLLING") != "ROLLING":
            longest = max((_window(alarm) for alarm in metric.values()), default=60)
            if bake * 60 < longest:
                yield fault(
                    expected=f"a bake time of at least {-(-longest // 60)} minutes, in which the slowest alarm can go off",
                    found=f"bakeTimeInMinutes {bake}",
                    why="After the last shift nobody looks at the alarms any more when the bake time is over: the deployment has"
                    " succeeded before the alarm can go off.",
                    change=f"bake_time_in_minutes = {-(-longest // 60)}, or fewer and shorter evaluation periods.",
                )

    def _watches(self, service: str, alarm: MetricAlarmTypeDef) -> Iterator[Finding]:
        """Yield what keeps an alarm on a load balancer's metric from ever seeing this service."""
        if alarm.get("Namespace") not in _BALANCERS:
            return
        named = {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions", [])}
        groups, balancers = set(), set()
        for balancer, group in self._groups():
            advanced = balancer.get("advancedConfiguration", {})
            groups |= {_suffix(group["TargetGroupArn"]), _suffix(advanced.get("alternateTargetGroupArn", ""))}
            balancers |= {arn.partition(":loadbalancer/")[2] for arn in group["LoadBalancerArns"]}
        for name, known in (("TargetGroup", groups), ("LoadBalancer", balancers)):
            value = named.get(name)
            if value not in known and not (name == "TargetGroup" and value is None):
                yield Finding(
                    resource=alarm["AlarmArn"],
                    expected=f"the dimension {name} {' or '.join(sorted(known - {''}))}",
                    found=f"{name} {value}" if value else f"no dimension {name}",
                    why=f"No metric of {service} has these dimensions: the alarm stays in INSUFFICIENT_DATA, or watches another"
                    " service.",
                    change=f"{name} = the arn_suffix of this service's own resource",
                    page=_MISSING,
                )


def _window(alarm: MetricAlarmTypeDef) -> int:
    """Return the seconds that an alarm looks back."""
    return alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)


def _suffix(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
