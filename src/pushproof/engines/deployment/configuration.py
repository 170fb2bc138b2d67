"""Configuration of deployments: percentages, circuit breaker, and the settings AWS does not document.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from .errors import InvalidDeploymentConfiguration
from .members import boolean, mapping, texts, whole
from .strategy import MOST_MINUTES, ROLLING, Strategy

ThresholdType = Literal["COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT"]
Cleanup = Literal["BLOCKING", "DEFERRED"]

_MINIMUM_THRESHOLD = 3
_MAXIMUM_THRESHOLD = 200


# No sentence of AWS's is on record for it.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html
_NO_STAGES = (
    "deploymentConfiguration.lifecycleHooks can only be specified with the deployment strategies BLUE_GREEN, LINEAR and CANARY; "
    "a ROLLING deployment has no lifecycle stages"
)


@dataclass(frozen=True, slots=True)
class FailureThreshold:
    """The number of failed tasks that trips the circuit breaker.

    `BOUNDED_PERCENT` multiplies the desired count and keeps the result within 3..200; `UNBOUNDED_PERCENT` only
    multiplies; `COUNT` is the number itself.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html
    """

    type: ThresholdType = "BOUNDED_PERCENT"
    value: int = 50

    def tasks(self, desired: int) -> int:
        """The failure count at which a deployment of `desired` tasks fails."""
        if self.type == "COUNT":
            return self.value
        share = -(-desired * self.value // 100)
        if self.type == "UNBOUNDED_PERCENT":
            return max(1, share)
        return min(_MAXIMUM_THRESHOLD, max(_MINIMUM_THRESHOLD, share))


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentCircuitBreaker.html"""

    enable: bool = False
    rollback: bool = False
    reset_on_healthy_task: bool = True
    threshold: FailureThreshold = FailureThreshold()


@dataclass(frozen=True, slots=True)
class EarlySuccess:
    """Criteria by which a deployment completes before every task is healthy.

    A deployment completes once `healthy_percent` of the desired tasks (rounded up) are healthy; `DEFERRED` does not
    wait for the previous tasks to go, `BLOCKING` does.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentEarlySuccessCriteria.html
    """

    healthy_percent: int = 100
    cleanup: Cleanup = "BLOCKING"


@dataclass(frozen=True, slots=True)
class Alarms:
    """CloudWatch alarms that fail a deployment.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentAlarms.html
    """

    names: tuple[str, ...] = ()
    enable: bool = False
    rollback: bool = False


@dataclass(frozen=True, slots=True)
class DeploymentConfiguration:
    """AWS's `DeploymentConfiguration`, for a REPLICA service. Percentages bound rolling updates only."""

    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    breaker: CircuitBreaker = CircuitBreaker()
    early_success: EarlySuccess | None = None
    alarms: Alarms = Alarms()
    bake_minutes: int | None = None
    strategy: Strategy = ROLLING

    def minimum_healthy(self, desired: int) -> int:
        """Tasks that must stay healthy while the deployment runs (rounded up)."""
        return -(-desired * self.minimum_healthy_percent // 100)

    def maximum(self, desired: int) -> int:
        """Tasks that may be PENDING or RUNNING while the deployment runs (rounded down)."""
        return desired * self.maximum_percent // 100

    @classmethod
    def parse(cls, document: Mapping[str, Any] | None) -> DeploymentConfiguration:
        """Read the API's shape (member names as in botocore's `DeploymentConfiguration`); absent members default.

        Raises:
            InvalidDeploymentConfiguration: a member has the wrong type or is out of range.
            Lifecycle hooks of a rolling update are among what is refused: AWS describes stages for the other strategies alone.
        """
        members = mapping("deploymentConfiguration", document)
        strategy = Strategy.parse(members)
        if strategy.name == "ROLLING" and strategy.hooks:
            raise InvalidDeploymentConfiguration("deploymentConfiguration.lifecycleHooks", "ROLLING", "", _NO_STAGES)
        minimum = whole("deploymentConfiguration.minimumHealthyPercent", members.get("minimumHealthyPercent"), 100, 0)
        maximum = whole("deploymentConfiguration.maximumPercent", members.get("maximumPercent"), 200, 1)
        if minimum > 100:
            raise InvalidDeploymentConfiguration(
                "deploymentConfiguration.minimumHealthyPercent",
                minimum,
                "a whole number from 0 to 100",
                "minimumHealthyPercent must be at most 100",
            )
        if maximum < 100:
            raise InvalidDeploymentConfiguration(
                "deploymentConfiguration.maximumPercent",
                maximum,
                "a whole number of at least 100",
                "maximumPercent must be at least 100",
            )
        if minimum == maximum:
            raise InvalidDeploymentConfiguration(
                "deploymentConfiguration.maximumPercent",
                maximum,
                f"more than minimumHealthyPercent ({minimum})",
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments",
            )
        return cls(
            minimum_healthy_percent=minimum,
            maximum_percent=maximum,
            breaker=_breaker(members.get("deploymentCircuitBreaker")),
            early_success=_early_success(members.get("earlySuccessCriteria")),
            alarms=_alarms(members.get("alarms")),
            strategy=strategy,
            bake_minutes=_bake(members.get("bakeTimeInMinutes")),
        )


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """Settings that AWS leaves undocumented, or documents as subject to change; each default is the best known answer."""

    steady_wait_seconds: float = 40.0
    """Without load balancer and container check, a task counts as healthy this long after RUNNING (documented)."""

    count_exit_before_healthy: bool = True
    """A task that reached RUNNING and stopped by itself before it was healthy counts as a failed task. AWS's pages
    disagree; recent reports show such tasks tripping the breaker."""

    count_exit_after_healthy: bool = False
    """A task that was healthy and then stopped by itself counts as a failed task of a deployment in progress."""

    count_start_failures_after_running: bool = True
    """Tasks that never reach RUNNING still count once another task of the deployment has reached it (stage two)."""

    reset_on_running: bool = False
    """A task that merely reaches RUNNING resets the failure count."""

    stop_source_tasks_eagerly: bool = True
    """Where minimumHealthyPercent is below 100, stop previous tasks down to the minimum at once instead of only as
    far as new tasks need room."""

    stop_superseded_starting_tasks: bool = True
    """Tasks that are not healthy and belong to a deployment that never completed stop as soon as it is replaced."""

    stopping_tasks_count_towards_maximum: bool = False
    """Tasks being drained or stopped (DEACTIVATING, STOPPING) occupy room under maximumPercent."""

    completion_waits_for_stop: bool = True
    """A deployment completes only when the previous tasks have drained and stopped, not as soon as they must go."""

    failed_deployment_keeps_unhealthy_tasks: bool = True
    """With nothing to roll back to, unhealthy tasks of the FAILED deployment stay: nothing would replace them."""

    throttle_after_failures: int = 3
    """Consecutive tasks that go from PENDING to STOPPED before the scheduler starts to wait between launches."""

    throttle_first_seconds: float = 60.0
    """The first such wait; each next one is twice as long."""

    throttle_maximum_seconds: float = 27 * 60.0
    """The longest such wait (documented).
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html"""

    stop_reason: str = "Service deployment rolled back because of a StopServiceDeployment request."
    """Reason recorded when a person stops a service deployment."""

    alarm_poll_seconds: float = 10.0
    """The time between two looks at the alarms of a deployment. AWS polls DescribeAlarms and states no interval."""

    alarm_bake_seconds: float = 60.0
    """The bake time of a rolling update with alarms whose evaluation takes no longer than this. AWS derives it from the alarms'
    configuration and publishes no formula; here it is the longest time that an alarm looks back, within these two bounds."""

    alarm_bake_maximum_seconds: float = 299.0
    """The longest derived bake time (documented: "less than 5 minutes").
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html"""

    bake_without_alarms: bool = False
    """A rolling update with bakeTimeInMinutes bakes although it has no alarms to wait for."""

    hooks_before_shift: bool = False
    """Hooks of the stages TEST_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT run before their traffic shifts, not after. AWS says that
    traffic "is migrating" while they run."""

    first_shifts_at_once: bool = True
    """The first deployment of a service shifts production traffic in one step, since no other revision can take the rest."""

    call_back_seconds: float = 30.0
    """The time to the next call of a hook that answers IN_PROGRESS without callBackDelay (documented).
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html"""

    stage_seconds: float = 24 * 3600.0
    """The longest time for a stage in which tasks start or stop (documented)."""

    deployment_seconds: float = 30 * 24 * 3600.0
    """The longest time for a deployment that shifts traffic (documented)."""

    continue_reason: str = "Service deployment rolled back because of a ContinueServiceDeployment request."
    """Reason recorded when a person lets a paused deployment roll back."""

    alarm_rollout_reason: str = "ECS deployment failed: alarm detected."
    """rolloutStateReason of a deployment that an alarm failed; only the service event's words are on record."""

    alarm_status_reason: str = "Service deployment rolled back because alarms were detected."
    """statusReason of a service deployment that an alarm failed."""


def _breaker(document: object) -> CircuitBreaker:
    name = "deploymentConfiguration.deploymentCircuitBreaker"
    members = mapping(name, document)
    threshold = mapping(f"{name}.thresholdConfiguration", members.get("thresholdConfiguration"))
    kind = threshold.get("type") or "BOUNDED_PERCENT"
    if kind not in get_args(ThresholdType):
        raise InvalidDeploymentConfiguration(
            f"{name}.thresholdConfiguration.type", kind, "one of " + ", ".join(get_args(ThresholdType))
        )
    return CircuitBreaker(
        enable=boolean(f"{name}.enable", members.get("enable"), False),
        rollback=boolean(f"{name}.rollback", members.get("rollback"), False),
        reset_on_healthy_task=boolean(f"{name}.resetOnHealthyTask", members.get("resetOnHealthyTask"), True),
        threshold=FailureThreshold(
            cast(ThresholdType, kind), whole(f"{name}.thresholdConfiguration.value", threshold.get("value"), 50, 1)
        ),
    )


def _alarms(document: object) -> Alarms:
    name = "deploymentConfiguration.alarms"
    members = mapping(name, document)
    alarms = Alarms(
        texts(f"{name}.alarmNames", members.get("alarmNames")),
        boolean(f"{name}.enable", members.get("enable"), False),
        boolean(f"{name}.rollback", members.get("rollback"), False),
    )
    if alarms.enable and not alarms.names:
        raise InvalidDeploymentConfiguration(f"{name}.alarmNames", [], "at least one name of an alarm")
    return alarms


def _bake(value: object) -> int | None:
    return None if value is None else whole("deploymentConfiguration.bakeTimeInMinutes", value, 0, 0, MOST_MINUTES)


def _early_success(document: object) -> EarlySuccess | None:
    name = "deploymentConfiguration.earlySuccessCriteria"
    members = mapping(name, document)
    enabled = boolean(f"{name}.enable", members.get("enable"), False)
    percent = whole(f"{name}.healthyPercent", members.get("healthyPercent"), 100, 0)
    if percent > 100:
        raise InvalidDeploymentConfiguration(f"{name}.healthyPercent", percent, "a whole number from 0 to 100")
    cleanup = members.get("sourceServiceRevisionCleanup") or "BLOCKING"
    if cleanup not in get_args(Cleanup):
        raise InvalidDeploymentConfiguration(
            f"{name}.sourceServiceRevisionCleanup", cleanup, "one of " + ", ".join(get_args(Cleanup))
        )
    return EarlySuccess(percent, cast(Cleanup, cleanup)) if enabled else None
