"""ECS on Fargate: the API over the deployment engine, tasks run by the world's runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clusters import ClusterOperations
from .controller import ServiceController
from .definitions import DefinitionOperations
from .endpoint import TaskEndpoint
from .life import TaskLife
from .model import EcsTask
from .services import ServiceOperations
from .tasks import TaskOperations

if TYPE_CHECKING:
    from pushproof.emulator.world import World


class EcsApi(ClusterOperations, DefinitionOperations, ServiceOperations, TaskOperations):
    """The ECS API. Its settings ride in `WorldSettings.engines`: `"ecs"` (EcsSettings), `"deployment"` (DeploymentSettings)."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.life = TaskLife(world, self.settings, self._task_changed)
        # Before the registry, whose paths begin with /v2/ too.
        world.gateway.fronts.insert(0, TaskEndpoint(world, self.life))
        self.controller = ServiceController(world, self.life, self.service_ended)

    def _task_changed(self, task: EcsTask, what: str) -> None:
        if what == "stopped":
            self.forget_later(task)
        self.controller.task_changed(task, what)

    def close(self) -> None:
        self.life.close()
