"""Settings of a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pushproof.drill.badinput import BadInput
from pushproof.drill.discovery.choices import Choices
from pushproof.drill.shifting.strategies import Shift
from pushproof.engines.faults import PlannedFault


class ProofFailed(Exception):
    """The drill's proof failed: a promise did not hold."""


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """The place where the application tells its commit: a path, and a response header or a JSON pointer into the body.

    `pointer` "" stands for the whole body. `certain`: a person says so, and an application that does not tell is a failure.
    """

    path: str = "/version"
    header: str = ""
    pointer: str = "/commit"
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds on answers while a push deploys, in real seconds: the slowest answer, and the longest time without a good one."""

    slowest: float = 5.0
    longest_gap: float = 5.0


@dataclass(frozen=True, slots=True)
class DrillSettings:
    """Settings of a drill run.

    `environment`: the root module under test. `application`: the repository that is pushed. `breakages`: names of breakages, in
    the order in which they are pushed; `variant`: the name of an application's own instead. `skip`: names of steps to leave out.
    `start`: the step to begin with, with the evidence that is kept of those before. `repository`: owner/name of the source
    repository where the pipeline does not tell. `version`: None for an application that does not tell its commit. `image_map`:
    base images to replace in Dockerfiles that are pushed. `secrets`: values by the name of the secret or parameter. `var_files`:
    *.tfvars files of the environment. `shift`: the deployment strategy that the service is switched to. `workspace`: the workspace
    of its state, "" for the default one. `terraform`: the words of the command that runs Terraform; empty for the usual one.
    `before`: the words of a command that the environment runs as a task of the new revision before each deployment.
    `road`: "pipeline", or "github" for a workflow of the application.
    `workflow`: its file, where several deploy; `workflow_variables`: variables of the repository on GitHub, beside those of the
    environment's output; `actions`: a directory with the real code of actions, in folders owner/name.
    """

    environment: Path
    application: Path
    bootstrap: Path | None = None
    breakages: tuple[str, ...] = ()
    variant: str = ""
    repository: str = "example/shop"
    variables: Mapping[str, object] = field(default_factory=dict)
    var_files: tuple[Path, ...] = ()
    workspace: str = ""
    terraform: tuple[str, ...] = ()
    keep: bool = False
    report: Path | None = None
    skip: tuple[str, ...] = ()
    start: str | None = None
    choices: Choices = field(default_factory=Choices)
    dockerfile: Path | None = None
    image_map: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    version: VersionPlace | None = field(default_factory=VersionPlace)
    bounds: Bounds = field(default_factory=Bounds)
    # Faults that accompany steps.
    faults: tuple[PlannedFault, ...] = ()
    shift: Shift = field(default_factory=Shift)
    before: tuple[str, ...] = ()
    road: str = "pipeline"
    workflow: Path | None = None
    workflow_variables: Mapping[str, str] = field(default_factory=dict)
    actions: Path | None = None
    # How long, in AWS seconds, a pipeline execution may take before the drill gives up on it.
    patience: float = 3600.0 * 3


__all__ = ["BadInput", "Bounds", "Choices", "DrillSettings", "ProofFailed", "Shift", "VersionPlace"]
