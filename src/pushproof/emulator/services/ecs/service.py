"""ECS on Fargate: the API of the deployment engine, with tasks on the world's runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clusters import ClusterOperations
from .connecting import ServiceConnect
from .controller import ServiceController
from .definitions import DefinitionOperations
from .endpoint import TaskEndpoint
from .life import TaskLife
from .model import EcsService, EcsTask
from .naming import TaskNames
from .tasks import TaskOperations
from .tasksetoperations import TaskSetOperations
from .tasksets import TaskSets

if TYPE_CHECKING:
    from pushproof.emulator.kernel.functions import HookInvoker
    from pushproof.emulator.kernel.names import ServiceRegistry
    from pushproof.emulator.kernel.site import LoadBalancers, Site
    from pushproof.emulator.kernel.tasks import TaskRuntime


class EcsApi(ClusterOperations, DefinitionOperations, TaskSetOperations, TaskOperations):
    """The ECS API. `WorldSettings.ecs` and `WorldSettings.deployment` hold its settings."""

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        runtime: TaskRuntime | None,
        balancers: LoadBalancers,
        functions: HookInvoker,
        registry: ServiceRegistry,
    ) -> None:
        super().__init__(site, name)
        self.connect = ServiceConnect(registry, self._services_of)
        self.life = TaskLife(site, runtime, self.settings, self._task_changed, TaskNames(site, registry))
        registry.follow(self.life.renew_names)
        self.endpoint = TaskEndpoint(site, runtime, self.life)
        self.controller = ServiceController(site, balancers, self.life, functions, self.service_ended, self.connect)
        self.task_sets = TaskSets(site, self.controller, self.service_ended)

    def _task_changed(self, task: EcsTask, what: str) -> None:
        if what == "stopped":
            self.forget_later(task)
        self.controller.task_changed(task, what)

    def _services_of(self, region: str) -> list[EcsService]:
        return list(self._region(self.site.account_id, region).services.values())

    def close(self) -> None:
        self.life.close()
