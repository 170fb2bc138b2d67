"""Task sets of a service: each is begun, scaled and ended as a service of its own would be.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import refusals_of
from pushproof.engines.deployment import (
    DeploymentConfiguration,
    DeploymentError,
    DeploymentSettings,
    ServiceState,
    create_service,
    delete_service,
    update_service,
)

from .balancing import balancers_of
from .controller import ServiceController
from .model import EcsService, Region, ServiceRevision, TaskSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushproof.emulator.kernel.site import Site


class TaskSets:
    """Keeps task sets at their shares of the desired count. `forgotten` is called with a service whose last one is gone."""

    def __init__(self, site: Site, controller: ServiceController, forgotten: Callable[[EcsService], None]) -> None:
        self._site = site
        self._controller = controller
        self._forgotten = forgotten

    def state_of(
        self,
        arn: str,
        cluster_arn: str,
        name: str,
        desired: int,
        configuration: DeploymentConfiguration,
        grace_seconds: float,
    ) -> ServiceState:
        """Return the scheduler's state of a service that has no deployments of its own."""
        return ServiceState(
            service_arn=arn,
            cluster_arn=cluster_arn,
            name=name,
            seed=f"{self._site.id}/{arn}/{self._site.clock.now()}",
            desired_count=desired,
            configuration=configuration,
            settings=self._settings,
            grace_seconds=grace_seconds,
        )

    def begin(self, region: Region, service: EcsService, revision: ServiceRevision, scale: float = 100.0) -> TaskSet:
        """Add a task set of a revision to a service, and start its tasks."""
        now = self._site.clock.now()
        state = service.state
        identifier = f"ecs-svc/{state.new_number('task-set')}"
        with refusals_of(DeploymentError):
            decision = create_service(
                service_arn=service.arn,
                cluster_arn=service.cluster.arn,
                name=service.name,
                task_definition=revision.definition.arn,
                desired_count=share(state.desired_count, scale),
                now=now,
                seed=f"{state.seed}/{identifier}",
                configuration=state.configuration,
                settings=self._settings,
                grace_seconds=state.grace_seconds,
                container_check=revision.definition.checked,
                load_balancers=balancers_of(revision.parameters),
                task_set_id=identifier,
            )
        part = EcsService(
            name=service.name,
            arn=service.arn,
            cluster=service.cluster,
            region=service.region,
            created_at=now,
            created_by=service.created_by,
            parameters=service.parameters,
            state=decision.state,
            revisions=dict.fromkeys(decision.state.revisions, revision),
            events=service.events,
            tags=service.tags,
            whole=service,
        )
        path = f"task-set/{service.cluster.name}/{service.name}/{identifier}"
        task_set = TaskSet(identifier, region.arn(path), part, now, now, scale)
        service.task_sets.append(task_set)
        self._controller.apply(region, part, decision)
        return task_set

    def scale(self, region: Region, service: EcsService, task_set: TaskSet, scale: float) -> None:
        """Change a task set's share of the desired count."""
        task_set.scale, task_set.updated_at = scale, self._site.clock.now()
        self._fit(region, service, task_set)

    def follow(self, region: Region, service: EcsService) -> None:
        """Apply the service's count, configuration and grace period to its task sets."""
        for task_set in service.task_sets:
            task_set.part.parameters, task_set.part.tags = service.parameters, service.tags
            if task_set.status != "DRAINING":
                self._fit(region, service, task_set)

    def promote(self, service: EcsService, task_set: TaskSet) -> None:
        """Make a task set the primary one; the former one becomes ACTIVE."""
        now = self._site.clock.now()
        for other in service.task_sets:
            if other.status == "PRIMARY":
                other.status, other.updated_at = "ACTIVE", now
        task_set.status, task_set.updated_at = "PRIMARY", now
        service.task_sets.sort(key=lambda item: item is not task_set)

    def end(self, region: Region, task_set: TaskSet) -> None:
        """Stop a task set's tasks; it is gone once they are."""
        if task_set.status == "DRAINING":
            return
        task_set.status, task_set.updated_at = "DRAINING", self._site.clock.now()
        task_set.part.status = "DRAINING"
        self._controller.apply(region, task_set.part, delete_service(task_set.part.state, self._site.clock.now()))

    def end_all(self, region: Region, service: EcsService) -> None:
        """Stop all tasks of a service that is deleted."""
        for task_set in list(service.task_sets):
            self.end(region, task_set)

    def ended(self, part: EcsService) -> None:
        """Forget a task set whose last task is gone."""
        service = part.whole
        assert service is not None
        part.status = "INACTIVE"
        if service.status == "DRAINING" and len(service.task_sets) == 1:
            # A service that is gone still shows the revision that it had.
            service.revisions = dict(part.revisions)
            service.state.deployments = list(part.state.deployments)
        service.task_sets = [item for item in service.task_sets if item.part is not part]
        if service.status == "DRAINING" and not service.task_sets:
            self._forgotten(service)

    @property
    def _settings(self) -> DeploymentSettings:
        return self._site.settings.deployment

    def _fit(self, region: Region, service: EcsService, task_set: TaskSet) -> None:
        state, part = service.state, task_set.part
        decision = update_service(
            part.state,
            self._site.clock.now(),
            desired_count=share(state.desired_count, task_set.scale),
            configuration=state.configuration,
            grace_seconds=state.grace_seconds,
        )
        self._controller.apply(region, part, decision)


def share(desired: int, scale: float) -> int:
    """Return a task set's part of the desired count: its percentage, rounded up (API_TaskSet, computedDesiredCount)."""
    return ceil(desired * scale / 100)
