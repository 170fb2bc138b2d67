"""CloudWatchAlarm: looks at an alarm with the rule's role, again and again while its wait time lasts.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-CloudWatchAlarm.html
"""

from __future__ import annotations

from pushproof.emulator.services.codepipeline.rules.base import RuleJob
from pushproof.emulator.services.codepipeline.work import JobFailed
from pushproof.engines.pipeline import judge_alarm


class CloudWatchAlarm(RuleJob):
    """Waits for an alarm's state, or watches it."""

    about = "CloudWatch"

    def start(self) -> None:
        self.work(self._look, self._judge)

    def _look(self) -> str:
        name = self.configuration["AlarmName"]
        answer = self.client("cloudwatch").describe_alarms(
            AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        alarms = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
        if not alarms:
            raise JobFailed(f"The alarm {name} does not exist", "ConfigurationError")
        return str(alarms[0]["StateValue"])

    def _judge(self, state: str) -> None:
        waited = self.site.clock.now() - self.run.started
        finding = judge_alarm(self.run.kind, self.configuration, state, waited)
        self.decide(finding)
        if finding.met is None:
            wait = float(self.configuration.get("WaitTime") or 0) * 60
            self.later(max(1.0, min(self.settings.alarm_poll_seconds, wait - waited)), self.start)
