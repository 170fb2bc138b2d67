"""Types of the pytest fixtures, for annotations: `def test_it(networking_checks: NetworkingFactory) -> None`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pushproof.checks.check import Clients
from pushproof.checks.iam import IamChecks
from pushproof.checks.image import ImageChecks
from pushproof.checks.networking import NetworkingChecks
from pushproof.checks.pipeline import PipelineChecks
from pushproof.checks.registry import RegistryChecks
from pushproof.checks.secrets import SecretsChecks
from pushproof.checks.service import ServiceChecks
from pushproof.checks.state import StateChecks
from pushproof.terraform.applied import AppliedModule, PlannedModule
from pushproof.terraform.driver import Backend
from pushproof.terraform.errors import CommandFailed
from pushproof.terraform.together import ModuleCall

if TYPE_CHECKING:
    # A run without a drill does not pay for it.
    from pushproof.drill.runner import Drill


class RegionalClients(Protocol):
    """The fixture `aws`: boto3 clients by service name, in the target's region or another."""

    def __call__(self, service: str, /, *, region: str | None = None) -> Any:
        """Return the client of a service, such as `aws("ecs")` or `aws("ecs", region="us-east-1")`."""


class Apply(Protocol):
    """The fixture `applied`, and those of other scopes, such as `applied_for_session`: applies modules for its tests.

    Paths are relative to pytest's root directory; keyword arguments are Terraform variables. `backend`: settings that complete
    the module's backend; "local" keeps the state in the working copy instead. `remote_states`: the outputs of states that other
    root modules write, by the name of the `terraform_remote_state` that reads them.
    """

    def __call__(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: Any,
    ) -> AppliedModule:
        """Apply a module; it is destroyed at the end of the fixture's scope."""

    def module(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: Any,
    ) -> ModuleCall:
        """Describe a module to apply, as the fixture itself is called, for `together`."""

    def together(self, *calls: ModuleCall) -> tuple[AppliedModule, ...]:
        """Apply modules that do not depend on each other side by side; the results are in the order of the calls.

        `network, registry = applied.together(applied.module("modules/network"), applied.module("modules/ecr"))`. If one fails,
        its error is raised, and what the others made is destroyed. In an embedded world they are kept and continued as a set.
        """

    def plan_only(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: Any,
    ) -> PlannedModule:
        """Plan a module without applying it."""

    def fails(
        self,
        path: str | Path,
        *,
        matching: str | None = None,
        step: str | None = None,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: Any,
    ) -> CommandFailed:
        """Expect a module to fail, and return Terraform's error; nothing is left behind.

        `matching`: a regular expression that Terraform's words match. `step`: the step that fails, and none before it: "init",
        "validate", "plan" or "apply".
        """


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
        region: str | None = None,
    ) -> NetworkingChecks:
        """Checks of the module's VPC; see `NetworkingChecks` for the arguments. `region`: by default the VPC's own."""


class DrillFactory(Protocol):
    """The fixture `drill`."""

    def __call__(
        self,
        environment: str | Path | None = None,
        *,
        app: str | Path | None = None,
        bootstrap: str | Path | None = None,
        pipeline: str | None = None,
        service: str | None = None,
        **variables: object,
    ) -> Drill:
        """Make a drill that has done nothing yet. Paths are relative to pytest's root directory.

        What is left out comes from `pushproof.toml`. Further keyword arguments are Terraform variables.
        """


class RegistryFactory(Protocol):
    """The fixture `registry_checks`."""

    def __call__(self, module: AppliedModule, *, repository: str, region: str | None = None) -> RegistryChecks:
        """Checks of one of the module's repositories, by name."""


class IamFactory(Protocol):
    """The fixture `iam_checks`."""

    def __call__(self, module: AppliedModule) -> IamChecks:
        """Checks of the module's roles."""


class ServiceFactory(Protocol):
    """The fixture `service_checks`."""

    def __call__(
        self, module: AppliedModule, *, cluster: str, service: str, region: str | None = None
    ) -> ServiceChecks:
        """Checks of one of the module's ECS services, by cluster and name."""


class PipelineFactory(Protocol):
    """The fixture `pipeline_checks`."""

    def __call__(self, module: AppliedModule, *, pipeline: str, region: str | None = None) -> PipelineChecks:
        """Checks of one of the module's pipelines, by name."""


class SecretsFactory(Protocol):
    """The fixture `secrets_checks`."""

    def __call__(self, module: AppliedModule, *, region: str | None = None) -> SecretsChecks:
        """Checks of the module's task definitions and build projects."""


class ImageFactory(Protocol):
    """The fixture `image_checks`."""

    def __call__(self, dockerfile: str | Path) -> ImageChecks:
        """Checks of a Dockerfile, by its path relative to pytest's root directory."""


class StateFactory(Protocol):
    """The fixture `state_checks`."""

    def __call__(self, module: AppliedModule, *, region: str | None = None) -> StateChecks:
        """Checks of the module's state."""


class Regional(Protocol):
    """A lookup of the region that a resource is in; `AppliedModule.addresses` is one."""

    def region_of(self, resource: str) -> str | None: ...


def clients_of(client: Callable[[str, str | None], Any]) -> RegionalClients:
    """Return the fixture `aws`: one client for each service and region, made when it is first asked for."""
    made: dict[tuple[str, str | None], Any] = {}

    def get(service: str, /, *, region: str | None = None) -> Any:
        if (service, region) not in made:
            made[service, region] = client(service, region)
        return made[service, region]

    return get


def clients_in(module: AppliedModule, aws: RegionalClients) -> RegionalClients:
    """Return the clients of the world that a module is applied in: those of the target, or of its own if it is a fork."""
    return aws if module.client is None else clients_of(module.client)


def clients_near(aws: RegionalClients, addresses: Regional, resource: str, region: str | None) -> Clients:
    """Return clients in `region`; without one in the region of a resource, which its provider's alias may have chosen."""

    def get(service: str, /) -> Any:
        return aws(service, region=region or addresses.region_of(resource))

    return get
