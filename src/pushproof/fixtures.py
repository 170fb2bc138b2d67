"""Types of what the pytest fixtures give, for annotations: `def test_it(networking_checks: NetworkingFactory) -> None`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from pushproof.checks.check import Clients
from pushproof.checks.iam import IamChecks
from pushproof.checks.image import ImageChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.registry import RegistryChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.checks.service import ServiceChecks
from pushproof.checks.state import StateChecks
from pushproof.terraform.applied import AppliedModule


class Apply(Protocol):
    """The fixture `applied`: applies a module for the running test module."""

    def __call__(self, path: str | Path, *, backend: dict[str, Any] | None = None, **variables: Any) -> AppliedModule:
        """Apply the module at `path`, relative to pytest's root directory. Keyword arguments are Terraform variables."""


class NetworkingFactory(Protocol):
    """The fixture `networking_checks`."""

    def __call__(
        self,
        module: AppliedModule,
        *,
        vpc_id: str,
        private_subnet_ids: Sequence[str] | None = None,
        task_security_group_ids: Sequence[str] | None = None,
        repository_arns: Sequence[str] = (),
    ) -> NetworkingChecks:
        """Checks of the module's VPC; see `NetworkingChecks` for the arguments."""


class RegistryFactory(Protocol):
    """The fixture `registry_checks`."""

    def __call__(self, module: AppliedModule, *, repository: str) -> RegistryChecks:
        """Checks of one of the module's repositories, by name."""


class IamFactory(Protocol):
    """The fixture `iam_checks`."""

    def __call__(self, module: AppliedModule) -> IamChecks:
        """Checks of the module's roles."""


class ServiceFactory(Protocol):
    """The fixture `service_checks`."""

    def __call__(self, module: AppliedModule, *, cluster: str, service: str) -> ServiceChecks:
        """Checks of one of the module's ECS services, by cluster and name."""


class PipelineFactory(Protocol):
    """The fixture `pipeline_checks`."""

    def __call__(self, module: AppliedModule, *, pipeline: str) -> PipelineChecks:
        """Checks of one of the module's pipelines, by name."""


class SecretsFactory(Protocol):
    """The fixture `secrets_checks`."""

    def __call__(self, module: AppliedModule) -> SecretsChecks:
        """Checks of the module's task definitions and build projects."""


class ImageFactory(Protocol):
    """The fixture `image_checks`."""

    def __call__(self, dockerfile: str | Path) -> ImageChecks:
        """Checks of a Dockerfile, by its path relative to pytest's root directory."""


class StateFactory(Protocol):
    """The fixture `state_checks`."""

    def __call__(self, module: AppliedModule) -> StateChecks:
        """Checks of the module's state."""


def clients_of(client: Callable[[str], Any]) -> Clients:
    """The fixture `aws`: one client for each service, made when it is first asked for."""
    made: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in made:
            made[service] = client(service)
        return made[service]

    return get
