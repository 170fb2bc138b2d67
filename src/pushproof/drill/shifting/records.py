"""Service deployments of the service, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.drill.context import Context

if TYPE_CHECKING:
    from pushproof.drill.discovery.shapes import ServiceDeployment


def newest(context: Context) -> ServiceDeployment | None:
    """Return the newest service deployment in brief; None when there is none."""
    delivery = context.delivery
    listed = context.target.client("ecs").list_service_deployments(cluster=delivery.cluster, service=delivery.service)
    latest: ServiceDeployment | None = max(listed["serviceDeployments"], key=lambda d: d["createdAt"], default=None)
    return latest


def newest_record(context: Context) -> str:
    """Return the ARN of the newest service deployment; "" when there is none."""
    latest = newest(context)
    return "" if latest is None else str(latest["serviceDeploymentArn"])
