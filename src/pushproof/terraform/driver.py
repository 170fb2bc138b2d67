"""Terraform commands, through tftest, with tftest's traps closed.

tftest raises on exit codes 1 and 11 only, has no timeout, can deadlock when Terraform writes much to stderr, and its `setup`
deletes `terraform.tfstate*` at exit, a failed destroy's state included. Here every unexpected exit code raises with Terraform's
own words, every command has a limit, both streams are drained, commands run in a process group of their own that an interrupt
reaches, and no state is ever deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import tftest

from pushproof.base.origin import shown
from pushproof.terraform.binary import TerraformBinary
from pushproof.terraform.command import Command, LineListener
from pushproof.terraform.configuration import declared_variables
from pushproof.terraform.content import read_content
from pushproof.terraform.diagnostics import localise
from pushproof.terraform.errors import (
    CommandFailed,
    OutputMissing,
    TerraformError,
    UndeclaredVariables,
)
from pushproof.terraform.initialisation import inputs_of, note_inputs, noted_inputs
from pushproof.terraform.resident import ResidentProvider
from pushproof.terraform.working_copy import LOCK_FILE, STATE_FILE, VARIABLES_FILE, WorkingCopy

# Settings of a backend; "local" keeps the state in the working copy instead.
Backend = Mapping[str, object] | str | None
# Hears a plan's `resource_changes` before they are carried out; an exception stops the apply.
PlanListener = Callable[[list[dict[str, Any]]], None]
# Prepares an `init`: gets the backend's settings and Terraform's environment, which it may add to; returns the settings to use.
Preparation = Callable[[Backend, dict[str, str]], dict[str, object] | None]
# Reads an object of S3: bucket, key and region. Raises ObjectMissing.
ObjectReader = Callable[[str, str, str | None], str]
_PLAN_HAS_CHANGES = 2
_WITH_PROVIDER = frozenset({"apply", "destroy", "plan", "show", "validate"})
# Files that Terraform, or a run of it here, writes beside a configuration.
_WRITTEN = frozenset({VARIABLES_FILE, LOCK_FILE})


class ObjectMissing(Exception):
    """An object of S3 is not there, or may not be read."""


class PlanMemory(Protocol):
    """Plans of earlier runs, by a note of everything that they depend on besides the world."""

    def planned(self, note: str, plan: Callable[[], str]) -> str:
        """Return what was remembered for a note, as long as the world gives the same answers; else what `plan` returns now."""


@dataclass(slots=True)
class Terraform:
    """A configuration under Terraform's hand: init, apply, plan, output, destroy.

    `environment` is the whole environment of the commands; `variables` go to every plan, apply and destroy. `timings` keeps the
    seconds of each command. Places in messages are relative to `base`, this process's directory by default.
    """

    copy: WorkingCopy
    binary: TerraformBinary
    environment: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)
    limit: float = 1800.0
    listener: LineListener | None = None
    announce: PlanListener | None = None
    preparation: Preparation | None = None
    base: Path | None = None
    timings: dict[str, float] = field(default_factory=dict)
    memory: PlanMemory | None = None
    read_object: ObjectReader | None = None
    resident: ResidentProvider | None = None
    # Whether the preparation of the first `init` added to the environment: profiles, roles.
    provided: bool = False
    # Terraform's words in the last apply that succeeded, unless it was announced.
    apply_output: str = ""
    _initialised: bool = False
    # Whether the files are those of an earlier run, and the init that could be spared because of them.
    _resumed: bool = False
    _spared: Callable[[], None] | None = None
    _stale: bool = False
    _writes: int = 0
    _state: tuple[tuple[int, int | None], dict[str, Any]] | None = None
    _groups: set[int] = field(default_factory=set)

    def init(self, backend: Backend = None) -> None:
        """`terraform init`, with the settings of the backend where the module has one; "local" replaces it by a local file.

        Raises CommandFailed, and NotProvided when the module needs what the target cannot give.
        """
        if self.preparation is not None:
            before = dict(self.environment)
            settings = self.preparation(backend, self.environment)
            self.provided = self.provided or self.environment != before
        else:
            settings = None if backend is None or isinstance(backend, str) else dict(backend)
        inputs = inputs_of(self.copy, settings)
        # Half of the time of an init goes into the provider's checksum.
        spared = self._resumed and not self._stale and noted_inputs(self.copy) == inputs
        self._resumed = False
        if spared:
            self._spared = partial(self._init, settings, inputs)
        else:
            self._init(settings, inputs)
        self._initialised = True

    def _init(self, settings: dict[str, object] | None, inputs: str) -> None:
        self._spared = None
        self._call("init", lambda t: t.init(init_vars=settings, input=False, color=False))
        note_inputs(self.copy, inputs)

    def resumed(self) -> None:
        """Note that the files of an earlier run of the same configuration, initialised and applied, are in place."""
        self._initialised, self._resumed, self._state = True, True, None
        self._writes += 1
        links = [path for path in (self.copy.here / ".terraform").rglob("*") if path.is_symlink()]
        # On another machine, providers may be elsewhere.
        self._stale = not links or not all(link.exists() for link in links)

    def _refresh_providers(self) -> None:
        """Init again, with the backend's settings of the earlier run."""
        self._stale = False
        settings = {k: v for k, v in self._backend()[1].items() if isinstance(v, str | bool) and v != ""}
        self._call("init", lambda t: t.init(init_vars=settings or None, input=False, color=False, reconfigure=True))

    def _backend(self) -> tuple[str, Mapping[str, object]]:
        """Return the type and the settings of the backend that `init` has set up; "local" where there was nothing to set up."""
        try:
            path = self.copy.here / ".terraform/terraform.tfstate"
            backend = json.loads(path.read_text(encoding="utf-8"))["backend"]
            return str(backend["type"]), dict(backend.get("config") or {})
        except (OSError, ValueError, KeyError, TypeError):
            return "local", {}

    def state_place(self) -> str:
        """Return the place of the state, which `init` has set up: equal for equal places."""
        kind, settings = self._backend()
        if kind == "local":
            return str(self.copy.here / str(settings.get("path") or STATE_FILE))
        if kind == "s3":
            return f"s3://{settings.get('bucket')}/{settings.get('key')}"
        return f"{kind} {json.dumps(settings, sort_keys=True)}"

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal to the command that runs, if there is one."""
        for group in list(self._groups):
            with contextlib.suppress(OSError):
                os.killpg(group, sign)

    def validate(self) -> None:
        """`terraform validate`. Raises CommandFailed with the diagnostics."""
        self._call("validate", lambda t: t.execute_command("validate", "-no-color"))

    def apply(self, **variables: Any) -> str:
        """`terraform apply`; returns its output. Where someone wants plans announced, exactly that plan. Raises CommandFailed."""
        if self.announce is not None:
            return self._apply_announced(self.announce, variables)
        self.apply_output = str(self._call("apply", lambda t: t.apply(), variables))
        return self.apply_output

    def _apply_announced(self, announce: PlanListener, variables: dict[str, Any]) -> str:
        plan_file = str(self.copy.directory / f".pushproof-apply-{os.getpid()}.tfplan")
        arguments = tftest.parse_args(input=False, color=False)

        def planned(t: Command) -> list[dict[str, Any]]:
            t.execute_command("plan", f"-out={plan_file}", *arguments)
            plan: dict[str, Any] = json.loads(t.execute_command("show", "-json", plan_file).out)
            return list(plan.get("resource_changes", []))

        try:
            announce(self._call("plan", planned, variables))
            output: str = self._call(
                "apply", lambda t: t.execute_command("apply", "-input=false", "-no-color", plan_file).out
            )
            return output
        finally:
            Path(plan_file).unlink(missing_ok=True)

    def destroy(self, **variables: Any) -> str:
        """`terraform destroy`; its state stays where it is, whether it succeeds or fails. Raises CommandFailed."""
        output: str = self._call("destroy", lambda t: t.destroy(), variables)
        return output

    def changes(self, **variables: Any) -> dict[str, list[str]]:
        """Return the changes that `terraform plan` would make now: address -> actions; empty when there are none."""
        plan = self._planned(variables, only_changes=True)
        return {} if plan is None else changes_of(plan) or {"(drift)": ["update"]}

    def planned(self, **variables: Any) -> dict[str, Any]:
        """A new plan, as `terraform show -json` gives it: `resource_changes`, and in `prior_state` everything read anew."""
        return self._planned(variables) or {}

    def _planned(self, variables: dict[str, Any], *, only_changes: bool = False) -> dict[str, Any] | None:
        plan_file = str(self.copy.here / f".pushproof-{os.getpid()}.tfplan")
        arguments = tftest.parse_args(input=False, color=False)
        note = self._plan_note(variables, only_changes)

        def run(t: Command) -> dict[str, Any] | None:
            t.accepted = frozenset({0, _PLAN_HAS_CHANGES})
            done = t.execute_command("plan", "-detailed-exitcode", f"-out={plan_file}", *arguments)
            if only_changes and done.retcode == 0:
                return None
            plan: dict[str, Any] = json.loads(t.execute_command("show", "-json", plan_file).out)
            return plan

        def plan() -> str:
            return json.dumps(self._call("plan", run, variables))

        try:
            text = plan() if note is None or self.memory is None else self.memory.planned(note, plan)
            answer: dict[str, Any] | None = json.loads(text)
            return answer
        finally:
            Path(plan_file).unlink(missing_ok=True)

    def _plan_note(self, variables: Mapping[str, object], only_changes: bool) -> str | None:
        """Return everything that a plan depends on besides the world; None if nobody remembers plans, or that cannot be told."""
        if self.memory is None:
            return None
        copy = self.copy
        content = (
            read_content(copy.directory, base=copy.root)
            if copy.is_complete
            else read_content(copy.source, base=copy.base)
        )
        files = {name: value for name, value in content.files.items() if Path(name).name not in _WRITTEN}
        state = self._stored_state()
        if content.reasons or state is None:
            return None
        values = {**self.variables, **variables}
        environment = {name: value for name, value in self.environment.items() if name.startswith("TF_")}
        return json.dumps(
            [only_changes, files, self._providers(), values, environment, str(self.binary), state],
            sort_keys=True,
            default=str,
        )

    def plan_text(self, **variables: Any) -> str:
        """The readable plan, for a message about changes nobody wanted."""
        text: str = self._call("plan", lambda t: t.plan(), variables)
        return text

    @property
    def serial(self) -> tuple[int, int | None]:
        """A value that changes with the state: how often this object wrote it, and the serial of a local state file."""
        try:
            local = json.loads((self.copy.here / STATE_FILE).read_text(encoding="utf-8"))
            return self._writes, int(local["serial"])
        except (OSError, ValueError, KeyError, TypeError):
            return self._writes, None

    def outputs(self) -> dict[str, Any]:
        """Every output's value, by name; read from the state, where it can be had without starting Terraform."""
        state = self._stored_state()
        outputs = state.get("outputs") if state is not None else None
        if isinstance(outputs, Mapping):
            return {name: entry.get("value") for name, entry in outputs.items()}
        raw = self._call("output", lambda t: t.execute_command("output", "-json", "-no-color").out)
        return {name: entry["value"] for name, entry in json.loads(raw).items()}

    def output(self, name: str) -> Any:
        """One output. Raises OutputMissing, naming those there are."""
        outputs = self.outputs()
        if name not in outputs:
            raise OutputMissing(name, str(self.copy.source), list(outputs))
        return outputs[name]

    def state(self) -> dict[str, Any]:
        """The state as `terraform show -json` gives it; read once for each state, where it is a local file."""
        serial = self.serial
        if self._state is None or serial[1] is None or self._state[0] != serial:
            self._state = serial, json.loads(self._shown())
        return self._state[1]

    def _shown(self) -> str:
        """Return `terraform show -json`, which depends on the state and the providers alone."""

        def show() -> str:
            text: str = self._call("show", lambda t: t.execute_command("show", "-json", "-no-color").out)
            return text

        state = self._stored_state() if self.memory is not None else None
        if self.memory is None or state is None:
            return show()
        note = json.dumps(["show", self._providers(), str(self.binary), state], sort_keys=True)
        return self.memory.planned(note, show)

    def _providers(self) -> str:
        """Return the versions of providers that `init` has locked, as it wrote them."""
        lock = self.copy.here / LOCK_FILE
        return lock.read_text(encoding="utf-8") if lock.exists() else ""

    def raw_state(self) -> dict[str, object]:
        """The content of the state, empty before there is one: to be had without starting the provider."""
        state = self._stored_state()
        if state is not None:
            return state
        text = self._call("state", lambda t: t.execute_command("state", "pull").out)
        raw: dict[str, object] = json.loads(text) if text.strip() else {}
        return raw

    def _stored_state(self) -> dict[str, object] | None:
        """Return the state from where the backend stores it; None if only Terraform can tell where that is."""
        if "TF_WORKSPACE" in self.environment or (self.copy.here / ".terraform/environment").exists():
            return None
        kind, settings = self._backend()
        region = settings.get("region")
        try:
            if kind == "s3" and self.read_object is not None and not settings.get("endpoints"):
                text = self.read_object(str(settings["bucket"]), str(settings["key"]), str(region) if region else None)
            elif kind == "local" and not settings.get("path"):
                text = (self.copy.here / STATE_FILE).read_text(encoding="utf-8")
            else:
                return None
            state: dict[str, object] = json.loads(text)
        except (OSError, ValueError, KeyError, ObjectMissing):
            return None
        return state

    def holds_nothing(self) -> bool:
        """Return whether the state is certainly without resources, so that there is nothing to destroy."""
        try:
            resources = self.raw_state().get("resources", ())
        except (TerraformError, ValueError):
            return False
        return isinstance(resources, Sequence) and not any(
            isinstance(resource, Mapping) and resource.get("mode") == "managed" for resource in resources
        )

    def _give(self, variables: Mapping[str, Any]) -> None:
        """Write the variables of the next command where Terraform reads them: a file that only this user can read.

        On the command line they would stand in the process list, and lose their types and nulls.
        Source: https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files
        """
        values = {**self.variables, **variables}
        declared = declared_variables(self.copy.directory)
        if undeclared := sorted(values.keys() - declared):
            raise UndeclaredVariables(undeclared, str(self.copy.source), declared)
        path = self.copy.directory / VARIABLES_FILE
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(values, file)

    def _localise(self, text: str) -> str:
        return localise(
            text,
            show=lambda path: shown(self.copy.original(path), self.base),
            copy=self.copy.root,
            base=self.copy.base,
        )

    def _provider(self, name: str) -> AbstractContextManager[dict[str, str]]:
        """Lend a resident provider to a command that needs one, if there is one; gives more for the command's environment."""
        if (
            self.resident is None
            or name not in _WITH_PROVIDER
            or self.binary.arguments
            or self.binary.product != "Terraform"
        ):
            return contextlib.nullcontext({})
        return self.resident.lent(self.copy.directory, self.environment)

    def _call(self, name: str, command: Callable[[Command], Any], variables: Mapping[str, Any] | None = None) -> Any:
        if self._stale and name != "init":
            self._refresh_providers()
        if variables is not None:
            self._give(variables)
        if name in ("apply", "destroy"):
            self._writes += 1
        try:
            return self._run(name, command)
        except CommandFailed as error:
            if self._spared is None or not error.asks_for_init:
                raise
        self._spared()
        return self._run(name, command)

    def _run(self, name: str, command: Callable[[Command], Any]) -> Any:
        runner = Command(str(self.copy.directory), binary=self.binary.path, env={})
        runner.limit, runner.listener, runner.before = self.limit, self.listener, self.binary.arguments
        runner.groups = self._groups
        runner.place, runner.localise = shown(self.copy.source, self.base), self._localise
        started = time.monotonic()
        try:
            with self._provider(name) as more:
                runner.env = {**self.environment, **more}
                return command(runner)
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.monotonic() - started


def written_variables(directory: Path) -> dict[str, Any]:
    """Return the variables that the last command in a working copy was run with; none when there was no such command."""
    try:
        written: dict[str, Any] = json.loads((directory / VARIABLES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return written


def changes_of(plan: dict[str, Any]) -> dict[str, list[str]]:
    """Return the changes of a plan, as `terraform show -json` gives it: resource address, or `output.<name>` -> actions."""
    changed: dict[str, list[str]] = {
        change["address"]: change["change"]["actions"]
        for change in plan.get("resource_changes", [])
        if change["change"]["actions"] not in (["no-op"], ["read"])
    }
    for name, change in plan.get("output_changes", {}).items():
        if change["actions"] != ["no-op"]:
            changed[f"output.{name}"] = change["actions"]
    return changed
