"""Rollouts by ECS itself: the deployments of a service, and their records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pushproof.drill.discovery.services import breaker_of
from pushproof.drill.observation import Observer, Serving
from pushproof.drill.settings import ProofFailed

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient

    from pushproof.drill.delivery import Delivery
    from pushproof.drill.discovery.shapes import Service, ServiceDeployment

#: Failed tasks of a deployment after which no start of it is expected to succeed.
_CONVINCING = 3


class EcsRollouts:
    """Rollouts of a service with the deployment controller ECS."""

    def __init__(self, ecs: ECSClient, delivery: Delivery, observer: Observer) -> None:
        self._ecs, self._delivery, self._observer = ecs, delivery, observer

    def current(self) -> str:
        return str(max(self._service()["deployments"], key=lambda each: each["createdAt"])["id"])

    def newest(self) -> str:
        record = self._newest()
        return "" if record is None else str(record["serviceDeploymentArn"])

    def underway(self) -> int:
        return len(self._service()["deployments"])

    def begins(self, revisions: frozenset[str]) -> list[datetime]:
        return [each["createdAt"] for each in self._service()["deployments"] if each["taskDefinition"] in revisions]

    def weight(self, earlier: str) -> float:
        arn = self.newest()
        if arn in ("", earlier):
            return 0.0
        (record,) = self._ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        return float(record.get("targetServiceRevision", {}).get("requestedProductionTrafficWeight", 0.0))

    def has_begun(self, before: Serving, earlier: str) -> bool:
        deployed = {deployment["taskDefinition"] for deployment in self._service()["deployments"]}
        return bool(deployed - before.task_definitions) or self._record(earlier) is not None

    def rollback(self, before: Serving, earlier: str) -> str | None:
        found = self._record(earlier)
        if found is not None:
            return found
        service = self._service()
        self._require_hope(service, before)
        for deployment in service["deployments"]:
            if deployment["taskDefinition"] not in before.task_definitions:
                failed = deployment.get("rolloutState") == "FAILED"
                return str(deployment["rolloutStateReason"]) if failed else None
        return None

    def is_restored(self, before: Serving) -> bool:
        service = self._service()
        primary = next(each for each in service["deployments"] if each["status"] == "PRIMARY")
        return (
            primary["taskDefinition"] in before.task_definitions
            and primary.get("rolloutState") == "COMPLETED"
            and len(service["deployments"]) == 1
            and self._observer.serving().task_definitions == before.task_definitions
        )

    def groups(self) -> tuple[str, ...]:
        return ()

    def summary(self) -> str:
        deployments = self._service()["deployments"]
        return str([(each["status"], each.get("rolloutState"), each.get("failedTasks")) for each in deployments])

    def _service(self) -> Service:
        return self._observer.service()

    def _newest(self) -> ServiceDeployment | None:
        listed = self._ecs.list_service_deployments(cluster=self._delivery.cluster, service=self._delivery.service)
        return max(listed["serviceDeployments"], key=lambda each: each["createdAt"], default=None)

    def _record(self, earlier: str) -> str | None:
        """Return what the newest service deployment's record says of a rollback."""
        latest = self._newest()
        if (
            latest is None
            or latest["serviceDeploymentArn"] == earlier
            or not str(latest["status"]).startswith("ROLLBACK")
        ):
            return None
        arn = latest["serviceDeploymentArn"]
        (shown,) = self._ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"]
        breaker, alarms = shown.get("deploymentCircuitBreaker", {}), shown.get("alarms", {})
        if breaker.get("status") != "TRIGGERED":
            tripped = ", ".join(alarms.get("triggeredAlarmNames", ()))
            return f"alarm {tripped} went off" if tripped else str(shown.get("statusReason") or shown["status"])
        counted = f"{breaker.get('failureCount')} of {breaker.get('threshold')}"
        return f"circuit breaker {breaker.get('status')} at {counted} failed tasks"

    def _require_hope(self, service: Service, before: Serving) -> None:
        """Raise ProofFailed, with the cause, once a deployment fails and nothing will roll it back.

        Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
        """
        breaker = breaker_of(service)
        if breaker.rollback and (breaker.enabled or breaker.alarms):
            return
        name = self._delivery.service
        for deployment in service["deployments"]:
            if deployment["taskDefinition"] in before.task_definitions:
                continue
            if not breaker.enabled and not breaker.alarms and deployment.get("failedTasks", 0) >= _CONVINCING:
                raise ProofFailed(
                    f"service {name} has no deployment circuit breaker (deploymentCircuitBreaker.enable is false): "
                    f"{deployment['failedTasks']} tasks of the broken revision have failed, and ECS starts it again without end. "
                    "Set deployment_circuit_breaker { enable = true, rollback = true } of the aws_ecs_service"
                )
            if deployment.get("rolloutState") == "FAILED":
                raise ProofFailed(
                    f"the deployment of the broken revision is FAILED, and nothing rolls it back: service {name} has "
                    "deploymentCircuitBreaker.rollback = false. Set deployment_circuit_breaker { enable = true, rollback = true } "
                    f"of the aws_ecs_service. ECS says: {deployment.get('rolloutStateReason', '')}"
                )
