"""A module under test: applied for real, asked for its outputs and changes, destroyed at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

from pushproof.base.origin import Origin
from pushproof.base.target import Target
from pushproof.terraform.addresses import TerraformAddresses
from pushproof.terraform.binary import find_terraform
from pushproof.terraform.driver import LineListener, Terraform, written_variables
from pushproof.terraform.errors import OutputMissing, TerraformError
from pushproof.terraform.providers import session_configuration
from pushproof.terraform.working_copy import WorkingCopy, copy_configuration, require_configuration


def prepare(
    target: Target,
    source: Path,
    *,
    name: str,
    variables: Mapping[str, Any] | None = None,
    listener: LineListener | None = None,
) -> Terraform:
    """A working copy of `source` ready for `init` and `apply` against a target.

    Raises NoConfiguration when `source` has no Terraform files, TerraformMissing when there is no usable Terraform.
    """
    binary = find_terraform()
    variables = dict(variables or {})
    own = target.variables(source, variables)
    announce = partial(target.announce, name) if target.announces else None
    copy = copy_configuration(source, _unused_directory(target, f"terraform/{name}"))
    environment = _environment(target)
    return Terraform(copy, binary, environment, {**variables, **own}, listener=listener, announce=announce)


def reopen(target: Target, copy: WorkingCopy, *, name: str, listener: LineListener | None = None) -> Terraform:
    """Return a run in a working copy that another process has initialised and applied, with the variables that it used.

    Raises NoConfiguration when the copy is gone, TerraformMissing when there is no usable Terraform.
    """
    require_configuration(copy.directory)
    announce = partial(target.announce, name) if target.announces else None
    variables = written_variables(copy.directory)
    return Terraform(copy, find_terraform(), _environment(target), variables, listener=listener, announce=announce)


def _environment(target: Target) -> dict[str, str]:
    """Return the environment of Terraform's commands on a target."""
    configuration = target.directory("terraform") / "cli.tfrc"
    configuration.write_text(session_configuration())
    return {**target.environment(), "TF_CLI_CONFIG_FILE": str(configuration), "GOGC": _garbage_collection()}


def _unused_directory(target: Target, name: str) -> Path:
    """A directory of that name, numbered where there is one: a configuration never comes upon the state of another."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(directory for each in names if not any((directory := target.directory(each)).iterdir()))


def _garbage_collection() -> str:
    """Go's GOGC for Terraform and its providers, the caller's own where there is one.

    Every command makes the AWS provider's schemas anew: collecting garbage less often saves a fifth of its CPU time, for memory
    that a short process gives back at once.
    """
    return os.environ.get("GOGC", "400")


class ModuleAddresses:
    """The places where a module's resources are written. A finding reads the state, once for each serial of it."""

    def __init__(self, terraform: Terraform) -> None:
        self._terraform = terraform
        self._read: TerraformAddresses | None = None
        self._serial: tuple[int, int | None] | None = None

    def of(self, resource: str) -> Origin | None:
        """The origin of an AWS id, ARN or name; None when the module does not manage it."""
        serial = self._terraform.serial
        if self._read is None or serial != self._serial:
            self._serial = serial
            self._read = TerraformAddresses(self._terraform.state(), self._terraform.copy.source)
        return self._read.of(resource)


@dataclass(slots=True)
class AppliedModule:
    """A module that has been applied. `outputs` are read once."""

    terraform: Terraform
    outputs: dict[str, Any] = field(default_factory=dict)
    _addresses: ModuleAddresses | None = field(default=None, init=False, repr=False)

    def __getitem__(self, name: str) -> Any:
        """An output by name. Raises OutputMissing, naming those there are."""
        if name not in self.outputs:
            raise OutputMissing(name, str(self.terraform.copy.source), list(self.outputs))
        return self.outputs[name]

    @property
    def source(self) -> Path:
        """The module's directory in the tree."""
        return self.terraform.copy.source

    @property
    def addresses(self) -> ModuleAddresses:
        """Finds the Terraform address, file and line of AWS resources, for findings of checks."""
        if self._addresses is None:
            self._addresses = ModuleAddresses(self.terraform)
        return self._addresses

    def changes(self) -> dict[str, list[str]]:
        """Return the changes that a plan would make now: address -> actions; empty when there are none."""
        return self.terraform.changes()

    def state(self) -> dict[str, Any]:
        """The state, as `terraform show -json` gives it."""
        return self.terraform.state()


def apply_module(
    target: Target,
    source: Path,
    *,
    name: str,
    variables: Mapping[str, Any] | None = None,
    backend: dict[str, Any] | None = None,
) -> AppliedModule:
    """Init and apply a module. When the apply fails, what it made is destroyed again before the error is raised.

    Raises CommandFailed with Terraform's own words.
    """
    terraform = prepare(target, source, name=name, variables=variables)
    terraform.init(backend=backend)
    try:
        terraform.apply()
        return AppliedModule(terraform, terraform.outputs())
    except BaseException as error:
        try:
            terraform.destroy()
        except TerraformError as second:
            # The first error is the one to act on; it must not hide behind what came of it.
            error.add_note(f"What had been made could not all be destroyed: {second}")
        raise
