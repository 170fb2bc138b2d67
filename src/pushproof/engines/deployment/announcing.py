"""A decision being put together: service events, EventBridge events, and the time of the next look."""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import BridgeEvent, Decision, ServiceEvent
from .state import Deployment, ServiceState

DEPLOYMENT_STATE_CHANGE = "ECS Deployment State Change"
SERVICE_ACTION = "ECS Service Action"
HOOK_STATE_CHANGE = "ECS Hook State Change"


class Announcing:
    """The state, the instant, and what is announced about them."""

    def __init__(self, state: ServiceState, now: float) -> None:
        self.state = state
        self.now = now
        self.decision = Decision(state)

    def event(self, message: str) -> None:
        self.decision.events.append(ServiceEvent(self.now, message))

    def deployment_event(self, name: str, kind: str, deployment: Deployment) -> None:
        """Announce a deployment's new state. A task set is none: its controller announces deployments."""
        if self.state.task_set_id:
            return
        detail = {
            "eventType": kind,
            "eventName": name,
            "deploymentId": deployment.id,
            "reason": deployment.rollout_state_reason,
        }
        self.bridge(DEPLOYMENT_STATE_CHANGE, detail, "updatedAt")

    def action(self, name: str, kind: str, **more: object) -> None:
        """Announce a service action. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html"""
        if self.state.task_set_id and name == "SERVICE_STEADY_STATE":
            name = "TASKSET_STEADY_STATE"
        detail = {"eventType": kind, "eventName": name, "clusterArn": self.state.cluster_arn, **more}
        self.bridge(SERVICE_ACTION, detail, "createdAt")

    def bridge(
        self,
        detail_type: str,
        detail: Mapping[str, object],
        time_field: str,
        resources: tuple[str, ...] = (),
        instants: Mapping[str, float] | None = None,
    ) -> None:
        """Announce an event of EventBridge, of the service or of `resources`; `instants` are further times of it."""
        of = resources or (self.state.service_arn,)
        self.decision.bridge.append(
            BridgeEvent(self.now, detail_type, of, dict(detail), time_field, dict(instants or {}))
        )

    def wake(self, at: float) -> None:
        if self.decision.wake_at is None or at < self.decision.wake_at:
            self.decision.wake_at = at
