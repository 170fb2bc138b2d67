"""A module under test: applied for real, asked for its outputs and changes, destroyed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

from pushproof.base.origin import Origin, shown
from pushproof.base.target import Target
from pushproof.terraform.addresses import TerraformAddresses
from pushproof.terraform.binary import TerraformBinary, find_terraform
from pushproof.terraform.command import LineListener
from pushproof.terraform.driver import Backend, ObjectMissing, Terraform, changes_of, written_variables
from pushproof.terraform.errors import CommandFailed, OutputMissing, TerraformError
from pushproof.terraform.groundwork import Groundwork
from pushproof.terraform.providers import session_configuration
from pushproof.terraform.resident import RESIDENT
from pushproof.terraform.resources import Resource, stored_resources
from pushproof.terraform.working_copy import WorkingCopy, copy_configuration, require_configuration

#: Callables that get the source, the base of its working copy and the variables of each configuration that is prepared.
PREPARED: list[Callable[[Path, Path, Mapping[str, object]], None]] = []


def prepare(
    target: Target,
    source: Path,
    *,
    name: str,
    variables: Mapping[str, object] | None = None,
    listener: LineListener | None = None,
    remote_states: Mapping[str, Mapping[str, object]] | None = None,
    say: Callable[[str], None] | None = None,
    base: Path | None = None,
    binary: TerraformBinary | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Terraform:
    """A working copy of `source` ready for `init` and `apply` against a target.

    `remote_states`: the outputs of states that other root modules write, by the name of the data source that reads them. `say`
    hears what is made beforehand, which `listener` hears otherwise, after "pushproof: ". `base`: the directory that places in
    messages are relative to. `binary`: the Terraform to run, where it is not the usual one. `secrets`: contents of
    parameters and secrets that data sources read, by name.

    Raises NoConfiguration when `source` has no Terraform files, TerraformMissing when there is no usable Terraform.
    """
    binary = binary or find_terraform()
    variables = dict(variables or {})
    values = {**variables, **target.variables(source, variables)}
    announce = partial(target.announce, name) if target.announces else None
    copy = copy_configuration(source, _unused_directory(target, f"terraform/{name}"))
    for listen in PREPARED:
        listen(copy.source, copy.base, values)
    if say is None:
        say = partial(_say_to, listener) if listener is not None else lambda _: None
    groundwork = Groundwork(
        target,
        copy,
        name,
        values,
        remote_states or {},
        secrets or {},
        say,
        show=lambda path: shown(copy.original(path), base),
    )
    return Terraform(
        copy,
        binary,
        _environment(target),
        values,
        listener=listener,
        announce=announce,
        preparation=groundwork.lay,
        base=base,
        read_object=partial(_read_object, target) if target.disposable else None,
        resident=RESIDENT if target.disposable else None,
    )


def _say_to(listener: LineListener, sentence: str) -> None:
    listener(f"pushproof: {sentence}")


def reopen(
    target: Target,
    copy: WorkingCopy,
    *,
    name: str,
    listener: LineListener | None = None,
    binary: TerraformBinary | None = None,
) -> Terraform:
    """Return a run in a working copy that another process has initialised and applied, with the variables that it used.

    Raises NoConfiguration when the copy is gone, TerraformMissing when there is no usable Terraform.
    """
    require_configuration(copy.directory)
    announce = partial(target.announce, name) if target.announces else None
    variables = written_variables(copy.directory)
    return Terraform(
        copy, binary or find_terraform(), _environment(target), variables, listener=listener, announce=announce
    )


def _read_object(target: Target, bucket: str, key: str, region: str | None) -> str:
    """Return the text of an object of S3. Raises ObjectMissing."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        body: bytes = target.client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise ObjectMissing(str(error)) from error
    return body.decode()


def reopen_in(target: Target, copy: WorkingCopy, run: Terraform) -> Terraform:
    """Return a run like `run`, of the same configuration and variables, in a copy of its files on another target."""
    return Terraform(
        copy,
        run.binary,
        _environment(target),
        dict(run.variables),
        limit=run.limit,
        listener=run.listener,
        base=run.base,
        read_object=partial(_read_object, target),
        resident=run.resident,
    )


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


class NotForkable(TerraformError):
    """A module cannot be forked; the message says why, and what to do instead."""


class ModuleAddresses:
    """The places where a module's resources are written. The state file is read once for each serial of it."""

    def __init__(self, terraform: Terraform) -> None:
        self._terraform = terraform
        self._read: TerraformAddresses | None = None
        self._serial: tuple[int, int | None] | None = None

    def of(self, resource: str) -> Origin | None:
        """The origin of an AWS id, ARN or name; None when the module does not manage it."""
        return self._current().of(resource)

    def names(self) -> frozenset[str]:
        """The ids, ARNs and names of the module's resources."""
        return self._current().names()

    def region_of(self, resource: str) -> str | None:
        """The region of an AWS id, ARN or name, or else the one region that the module is in; None when it is not known."""
        return self._current().region_of(resource)

    def _current(self) -> TerraformAddresses:
        serial = self._terraform.serial
        if self._read is None or serial != self._serial:
            self._serial = serial
            state = self._terraform.raw_state() or {"version": 4, "resources": []}
            self._read = TerraformAddresses(state, self._terraform.copy.source, base=self._terraform.base)
        return self._read


@dataclass(slots=True)
class AppliedModule:
    """A module that has been applied. `outputs` are read once."""

    terraform: Terraform
    outputs: dict[str, Any] = field(default_factory=dict)
    # : Clients of the world that the module is applied in, by service and region; None: those of the target.
    client: Callable[[str, str | None], object] | None = None
    # : The endpoint of a fork's world, and its administrator's key and secret; None: the module is no fork.
    control: tuple[str, tuple[str, str]] | None = None
    # : Makes forks of the module; None where its world cannot be forked.
    forker: Callable[[AppliedModule], AppliedModule] | None = None
    _ends: list[Callable[[], None]] = field(default_factory=list)
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

    def fork(self) -> AppliedModule:
        """Return a copy of the module in a copy of its world, for a test that changes things. A context manager.

        Both go on by themselves: what happens in one is not seen in the other. Checks of the fork ask its own world; `aws` gives
        its clients. Tasks run in the fork in containers of its own. It ends with the `with` block, or with the module.

        Raises NotForkable where the module is not in an emulated world, or the world cannot be copied.
        """
        if self.forker is None:
            raise NotForkable(
                f"{shown(self.source, self.terraform.base)}: only what is applied in an embedded world can be forked. Without a "
                "fork, let the test undo its changes, or mark it with target_needs"
            )
        fork = self.forker(self)
        self._ends.append(fork.close)
        return fork

    def aws(self, service: str, /, *, region: str | None = None) -> Any:
        """Return a boto3 client of a fork's world. Raises NotForkable for a module that is no fork: use the fixture `aws`."""
        if self.client is None:
            raise NotForkable("this module is no fork; the fixture `aws` has the clients of its target")
        return self.client(service, region)

    def on_close(self, end: Callable[[], None]) -> None:
        """Call `end` when the module, a fork, is closed."""
        self._ends.append(end)

    def close(self) -> None:
        """End a fork, and the forks of the module; safe to call twice."""
        while self._ends:
            self._ends.pop()()

    def __enter__(self) -> AppliedModule:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def changes(self) -> dict[str, list[str]]:
        """Return the changes that a plan would make now: address -> actions; empty when there are none."""
        return self.terraform.changes()

    def state(self) -> dict[str, Any]:
        """The state, as `terraform show -json` gives it."""
        return self.terraform.state()

    def managed(self) -> list[Resource]:
        """Every managed resource with its attributes, child modules' included; read from the stored state, without a provider."""
        return stored_resources(self.terraform.raw_state())


@dataclass(slots=True)
class PlannedModule:
    """A module that has been planned and not applied. `plan`: as `terraform show -json` gives it."""

    terraform: Terraform
    plan: dict[str, Any]

    @property
    def changes(self) -> dict[str, list[str]]:
        """The planned changes: address, or `output.<name>` -> actions."""
        return changes_of(self.plan)

    def values(self, address: str) -> dict[str, Any]:
        """Return the planned attributes of a resource, without those that only the apply makes known. Raises KeyError."""
        for change in self.plan.get("resource_changes", []):
            if change["address"] == address:
                return change["change"]["after"] or {}
        raise KeyError(f"{address} is not in the plan; it has {', '.join(self.changes) or 'nothing'}")


def apply_module(
    target: Target,
    source: Path,
    *,
    name: str,
    variables: Mapping[str, object] | None = None,
    backend: Backend = None,
    remote_states: Mapping[str, Mapping[str, object]] | None = None,
    listener: LineListener | None = None,
    say: Callable[[str], None] | None = None,
    base: Path | None = None,
) -> AppliedModule:
    """Init and apply a module. When the apply fails, what it made is destroyed again before the error is raised.

    `backend`: the settings that complete its backend; "local" keeps the state in the working copy instead. The rest is as
    `prepare` has it. Raises CommandFailed with Terraform's own words, NotProvided for what a target cannot give.
    """
    terraform = prepare(
        target,
        source,
        name=name,
        variables=variables,
        listener=listener,
        remote_states=remote_states,
        say=say,
        base=base,
    )
    apply_prepared(terraform, backend, disposable=target.disposable)
    return AppliedModule(terraform, terraform.outputs())


def apply_prepared(terraform: Terraform, backend: Backend, *, disposable: bool, clean_up: bool = True) -> None:
    """Init and apply a prepared configuration.

    When the apply fails, what it made is destroyed again before the error is raised, with `clean_up`; see `clean_up_after`.
    """
    terraform.init(backend=backend)
    try:
        terraform.apply()
    except BaseException as error:
        if clean_up:
            clean_up_after(terraform, error, disposable=disposable)
        raise


def clean_up_after(terraform: Terraform, error: BaseException, *, disposable: bool = False) -> None:
    """Destroy what a failed apply made; what cannot be destroyed is noted on the error, which is the one to act on.

    `disposable`: after Ctrl-C the target goes at once, and takes everything along.
    """
    if isinstance(error, KeyboardInterrupt) and disposable:
        return
    if isinstance(error, CommandFailed) and terraform.holds_nothing():
        return
    try:
        terraform.destroy()
    except CommandFailed as second:
        error.add_note(f"The resources that were made could not all be destroyed: {second.reason}")
    except TerraformError as second:
        error.add_note(f"The resources that were made could not all be destroyed: {second}")
