"""CodeDeploy for ECS: the API of the engine of deployments, with the service role of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushproof.emulator.kernel.functions import HookInvoker

from .conductor import Conductor
from .deployments import DeploymentOperations

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site


class CodeDeployService(DeploymentOperations):
    """The CodeDeploy API, of the compute platform ECS. `WorldSettings.codedeploy` has its settings."""

    def __init__(self, site: Site, name: str, *, functions: HookInvoker) -> None:
        super().__init__(site, name)
        self.conductor = Conductor(site, functions, self.roll_back)
