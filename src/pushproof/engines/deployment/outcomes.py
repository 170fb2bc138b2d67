"""Beginnings and ends of deployments: a new one, the circuit breaker, failure, rollback, completion."""

from __future__ import annotations

from dataclasses import dataclass

from . import wording
from .announcing import Announcing
from .state import Deployment, MonitorStatus, Revision, Rollback, ServiceDeployment


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a failure: its words in the service event, and what noticed it."""

    words: str
    monitor: str


BREAKER = Cause("tasks failed to start", "circuit breaker")
ALARM = Cause("alarm detected", "alarms")


class Outcomes(Announcing):
    """Begins deployments and ends them."""

    # The circuit breaker -------------------------------------------------------------------------------------

    def counts(self, owner: Deployment) -> bool:
        return owner is self.state.primary and owner.rollout_state == "IN_PROGRESS" and not self.state.deleting

    def reset(self, owner: Deployment) -> None:
        if self.counts(owner) and owner.failed_tasks:
            owner.failed_tasks = 0
            self.state.put_record(failure_count=0, updated_at=self.now)

    def count_failure(self, owner: Deployment) -> None:
        if not self.counts(owner):
            return
        state, breaker = self.state, self.state.configuration.breaker
        owner.failed_tasks += 1
        owner.updated_at = self.now
        threshold = breaker.threshold.tasks(state.desired_count)
        if breaker.enable and state.record.breaker_status != "MONITORING_COMPLETE":
            state.put_record(failure_count=owner.failed_tasks, threshold=threshold, updated_at=self.now)
            if owner.failed_tasks >= threshold:
                state.put_record(breaker_status="TRIGGERED")
                self.fail(breaker.rollback, wording.ROLLOUT_FAILED, bridge=True)

    def fail(self, rollback: bool, reason: str, *, bridge: bool, cause: Cause = BREAKER, status: str = "") -> None:
        """End the primary deployment as FAILED and start the rollback if it is enabled and possible.

        `reason` is its rolloutStateReason; `status` the statusReason of the service deployment, if that has other words.
        """
        state, failed = self.state, self.state.primary
        failed.rollout_state, failed.rollout_state_reason, failed.updated_at = "FAILED", reason, self.now
        self.event(wording.failed(state.name, failed.id, cause.words))
        if bridge:
            self.deployment_event("SERVICE_DEPLOYMENT_FAILED", "ERROR", failed)
        target = state.completed
        if not rollback or target is None:
            ended = "ROLLBACK_FAILED" if rollback or state.record.rollback else "STOPPED"
            state.put_record(
                status=ended,
                status_reason=status or reason,
                stopped_at=self.now,
                finished_at=self.now,
                updated_at=self.now,
                **self.monitors_ended(),
            )
            return
        self._promote(target, cause)
        state.put_record(
            status="ROLLBACK_IN_PROGRESS",
            status_reason=status or reason,
            updated_at=self.now,
            rollback=Rollback(status or reason, self.now, target.revision.arn),
        )

    def monitors_ended(self) -> dict[str, MonitorStatus]:
        """Return what circuit breaker and alarms show once nothing is monitored any more."""
        record = self.state.record
        ended: dict[str, MonitorStatus] = {}
        if record.breaker_status == "MONITORING":
            ended["breaker_status"] = "MONITORING_COMPLETE"
        if record.alarm_status == "MONITORING":
            ended["alarm_status"] = "MONITORING_COMPLETE"
        return ended

    def _promote(self, target: Deployment, cause: Cause) -> None:
        """The last completed deployment becomes the primary again, with the tasks it still has."""
        state = self.state
        state.primary.status = "ACTIVE"
        state.deployments = [target, *(deployment for deployment in state.deployments if deployment is not target)]
        state.completed = None
        state.source_cap = state.desired_count
        state.steady = False
        target.status, target.rollout_state = "PRIMARY", "IN_PROGRESS"
        target.rollout_state_reason = wording.rollout_rolling_back(target.id, cause.monitor)
        target.updated_at = self.now
        target.failed_tasks = target.start_failures = target.throttle_rounds = 0
        target.not_before = 0.0
        target.deadlock_reported = False
        target.bake_until = None
        target.most_healthy = len(target.groups["HEALTHY"])
        self.event(wording.rolling_back(state.name, target.id))
        self.deployment_event("SERVICE_DEPLOYMENT_IN_PROGRESS", "INFO", target)

    # A new deployment ----------------------------------------------------------------------------------------

    def begin(self, revision: Revision) -> None:
        """Make a deployment of `revision` the primary; it replaces the earlier deployments."""
        state = self.state
        sources = tuple(earlier.revision.arn for earlier in state.deployments if earlier.active)
        if state.records and not state.record.ended:
            state.put_record(
                status="STOPPED",
                status_reason="A newer service deployment replaced this one.",
                stopped_at=self.now,
                finished_at=self.now,
                updated_at=self.now,
                **self.monitors_ended(),
            )
        if state.deployments:
            state.primary.status = "ACTIVE"
        own_id = state.task_set_id or f"ecs-svc/{state.new_number('deployment')}"
        deployment = Deployment(own_id, revision, self.now, self.now)
        deployment.rollout_state_reason = wording.in_progress(deployment.id)
        state.deployments.insert(0, deployment)
        state.revisions[revision.arn] = revision
        state.source_cap = state.desired_count
        state.steady = False
        self._record(sources, revision)
        self.deployment_event("SERVICE_DEPLOYMENT_IN_PROGRESS", "INFO", deployment)

    def _record(self, sources: tuple[str, ...], revision: Revision) -> None:
        state, breaker, alarms = self.state, self.state.configuration.breaker, self.state.configuration.alarms
        path = state.service_arn.replace(":service/", ":service-deployment/", 1)
        state.records.append(
            ServiceDeployment(
                arn=f"{path}/{state.new_id('service-deployment')[:20]}",
                created_at=self.now,
                started_at=self.now,
                updated_at=self.now,
                target_revision_arn=revision.arn,
                source_revision_arns=sources,
                configuration=state.configuration,
                breaker_status="MONITORING" if breaker.enable else "DISABLED",
                threshold=breaker.threshold.tasks(state.desired_count) if breaker.enable else 0,
                alarm_status="MONITORING" if alarms.enable else "DISABLED",
                alarm_names=alarms.names,
            )
        )

    def complete(self, primary: Deployment) -> None:
        state = self.state
        primary.rollout_state, primary.updated_at = "COMPLETED", self.now
        primary.rollout_state_reason = wording.rollout_completed(primary.id)
        primary.completed_once = True
        state.completed = primary
        rolled_back = state.record.rollback is not None
        state.put_record(
            status="ROLLBACK_SUCCESSFUL" if rolled_back else "SUCCESSFUL",
            finished_at=self.now,
            updated_at=self.now,
            **self.monitors_ended(),
        )
        if not state.task_set_id:
            self.event(wording.completed(state.name, primary.id))
        self.deployment_event("SERVICE_DEPLOYMENT_COMPLETED", "INFO", primary)
