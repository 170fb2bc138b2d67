"""CloudWatch alarms over a deployment, and the bake time in which they may still fail it.

Alarms are read when a deployment begins: with one in ALARM, none of them counts for that deployment. They are read again from the
first running task of the new revision on, until the deployment ends.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from .exchange import AlarmsRead, ReadAlarms
from .outcomes import ALARM, Outcomes
from .state import AlarmWatch, Deployment, Revision


class Watching(Outcomes):
    """Deployments that alarms may fail."""

    def begin(self, revision: Revision) -> None:
        super().begin(revision)
        self.state.watch = None
        if self.state.record.alarm_status == "MONITORING":
            self.state.watch = AlarmWatch()
            self._read_alarms()

    def take_alarms(self, reading: AlarmsRead) -> None:
        """Fail the deployment if an alarm is in ALARM. An answer about an earlier deployment, or a late one, changes nothing."""
        state, watch = self.state, self.state.watch
        if watch is None or reading.deployment_arn != state.record.arn or not self._monitored():
            return
        watch.window = max([watch.window, *(alarm.window for alarm in reading.alarms)])
        alarming = tuple(alarm.name for alarm in reading.alarms if alarm.state == "ALARM")
        if not watch.seen:
            watch.seen = True
            if alarming:
                state.put_record(alarm_status="DISABLED", updated_at=self.now)
            return
        if alarming:
            settings = state.settings
            state.put_record(alarm_status="TRIGGERED", triggered_alarms=alarming, updated_at=self.now)
            self.fail_by_alarm(settings.alarm_rollout_reason, settings.alarm_status_reason)

    def fail_by_alarm(self, reason: str, status: str) -> None:
        """End the deployment because of its alarms."""
        rollback = self.state.record.configuration.alarms.rollback
        self.fail(rollback, reason, bridge=True, cause=ALARM, status=status)

    def watch_alarms(self) -> None:
        """Read the alarms if that is due, and wake when it is."""
        watch = self.state.watch
        if watch is None or not watch.seen or not self._monitored() or not self.state.primary.reached_running:
            return
        if self.now >= watch.next_at:
            self._read_alarms()
            watch.next_at = self.now + self.state.settings.alarm_poll_seconds
        self.wake(watch.next_at)

    def baked(self, primary: Deployment) -> bool:
        """Return whether the bake time of a rolling update is over; it begins with the first call."""
        if primary.bake_until is None:
            primary.bake_until = self.now + self._bake_seconds()
        if self.now >= primary.bake_until:
            return True
        self.wake(primary.bake_until)
        return False

    def _bake_seconds(self) -> float:
        """Return the bake time of a rolling update: only alarms make it wait, and a rollback never does."""
        state, settings = self.state, self.state.settings
        record, minutes = state.record, state.record.configuration.bake_minutes
        if record.rollback is not None:
            return 0.0
        if record.alarm_status != "MONITORING" or state.watch is None:
            return 60.0 * (minutes or 0) if settings.bake_without_alarms else 0.0
        if minutes is not None:
            return 60.0 * minutes
        return min(max(settings.alarm_bake_seconds, state.watch.window), settings.alarm_bake_maximum_seconds)

    def _monitored(self) -> bool:
        state = self.state
        return (
            state.record.alarm_status == "MONITORING"
            and state.record.status == "IN_PROGRESS"
            and state.primary.rollout_state == "IN_PROGRESS"
            and not state.deleting
        )

    def _read_alarms(self) -> None:
        record = self.state.record
        self.decision.actions.append(ReadAlarms(record.arn, record.alarm_names))
