"""The fixture `applied`: modules are applied, planned or expected to fail, and destroyed at the end of a scope."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from pushproof.base.target import Target
from pushproof.session.interrupts import was_interrupted
from pushproof.session.keeperof import keeper_of
from pushproof.session.keeping import Checkpoint, Keeper, Part, Request
from pushproof.session.output import writer
from pushproof.terraform.applied import AppliedModule, PlannedModule, clean_up_after, prepare
from pushproof.terraform.driver import Backend, Terraform
from pushproof.terraform.errors import CommandFailed, TerraformError
from pushproof.terraform.progress import Progress
from pushproof.terraform.together import ModuleCall, Run, apply_together

_STEPS = ("init", "validate", "plan", "apply")


def _require_calls(calls: Sequence[object]) -> None:
    if not calls:
        raise TypeError("applied.together() requires modules: applied.together(applied.module(…), applied.module(…))")
    for call in calls:
        if not isinstance(call, ModuleCall):
            raise TypeError(
                f"applied.together() requires what applied.module(…) returns, got {type(call).__name__}: {call!r:.60}"
            )


class Applier:
    """Applies modules for the tests of one scope. See `pushproof.Apply`."""

    def __init__(
        self, target: Target, node: pytest.Item | pytest.Collector, config: pytest.Config, scope: str = "module"
    ) -> None:
        self._target, self._node, self._config, self._scope = target, node, config, scope
        self._keeper = keeper_of(config, target)
        self._checkpoint: Checkpoint | None = None
        self._write = writer(config)
        self._modules: list[AppliedModule] = []
        self._count = 0

    def __call__(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: object,
    ) -> AppliedModule:
        """Apply a module, and destroy it at the end of the scope."""
        return self.together(self.module(path, backend=backend, remote_states=remote_states, **variables))[0]

    def module(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: object,
    ) -> ModuleCall:
        """Describe a module to apply, for `together`."""
        return ModuleCall(path, backend, remote_states, variables)

    def together(self, *calls: ModuleCall) -> tuple[AppliedModule, ...]:
        """Apply modules that do not depend on each other side by side, and destroy them at the end of the scope."""
        _require_calls(calls)
        parts = [self._part(call) for call in calls]
        runs = [Run(part.terraform, part.request.backend) for part in parts]
        # What a tried configuration made goes with its world.
        clean_up = self._keeper is None or not self._keeper.trying
        apply = partial(apply_together, runs, disposable=self._target.disposable, clean_up=clean_up)
        if self._keeper is None:
            apply()
            modules = [AppliedModule(part.terraform, part.terraform.outputs()) for part in parts]
        else:
            self._begin_scope(self._keeper)
            modules = self._keeper.apply(parts, apply)
        self._modules += modules
        return tuple(modules)

    def _part(self, call: ModuleCall) -> Part:
        source, name, progress = self._beginning(call.path)
        terraform = self._prepared(source, name, progress, call.variables, call.remote_states)
        return Part(terraform, Request(call.backend, call.remote_states, self._config.rootpath), progress.say)

    def _begin_scope(self, keeper: Keeper) -> None:
        """Note the way back to before the first apply, and that narrower scopes have none to before this one."""
        # After a session's scope the world ends.
        if not self._modules and self._checkpoint is None and self._scope != "session":
            self._checkpoint = keeper.checkpoint(self._scope)
        keeper.pin(self._scope)

    def plan_only(
        self,
        path: str | Path,
        *,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: object,
    ) -> PlannedModule:
        """Plan a module without applying it."""
        terraform = self._prepare(path, variables, remote_states)
        terraform.init(backend=backend)
        return PlannedModule(terraform, terraform.planned())

    def fails(
        self,
        path: str | Path,
        *,
        matching: str | None = None,
        step: str | None = None,
        backend: Backend = None,
        remote_states: Mapping[str, Mapping[str, object]] | None = None,
        **variables: object,
    ) -> CommandFailed:
        """Expect a module to fail, and return the error; the test fails when it does not, or with other words."""
        __tracebackhide__ = True
        if step is not None and step not in _STEPS:
            raise ValueError(f"step={step!r}: expected one of {', '.join(_STEPS)}")
        pattern = re.compile(matching) if matching is not None else None
        terraform = self._prepare(path, variables, remote_states)
        reached, error = self._first_failure(terraform, backend, until=step or "apply", planning=step == "apply")
        where = f"{path}: expected terraform {step or 'to'} {'to ' if step else ''}fail"
        if error is None:
            pytest.fail(f"{where}, and it did not", pytrace=False)
        if step is not None and reached != step:
            pytest.fail(f"{where}; {reached} failed before:\n{error}", pytrace=False)
        # Terraform breaks lines at 78 characters, wherever they are in the words that are looked for.
        if pattern is not None and not pattern.search(str(error)) and not pattern.search(" ".join(str(error).split())):
            pytest.fail(f"{where} with words that match {matching!r}; {reached} failed with:\n{error}", pytrace=False)
        return error

    def _first_failure(
        self, terraform: Terraform, backend: Backend, *, until: str, planning: bool
    ) -> tuple[str, CommandFailed | None]:
        """Run step after step up to `until`; returns the one that failed, with its error, and leaves nothing behind."""
        steps: dict[str, Callable[[], object]] = {
            "init": lambda: terraform.init(backend=backend),
            "validate": terraform.validate,
            "plan": terraform.planned,
            "apply": terraform.apply,
        }
        if until == "apply" and not planning:
            # An apply plans by itself.
            del steps["plan"]
        for step, run in steps.items():
            try:
                run()
            except CommandFailed as error:
                if step == "apply":
                    clean_up_after(terraform, error, disposable=self._target.disposable)
                return step, error
            if step == until:
                break
        if until == "apply":
            terraform.destroy()
        return until, None

    def close(self) -> None:
        """Take away what was applied. An emulated world goes back to before, or ends; elsewhere Terraform destroys, last first."""
        for module in self._modules:
            module.close()
        if was_interrupted(self._config) and self._target.disposable:
            return
        if self._keeper is not None and self._modules:
            if self._scope == "session":
                # The world goes next, and everything with it.
                return
            if self._checkpoint is not None and self._keeper.return_to(self._checkpoint):
                return
            # A narrower scope's end comes first: going back later would bring back what is destroyed here.
            self._keeper.settle()
        problems: list[TerraformError] = []
        for module in reversed(self._modules):
            try:
                module.terraform.destroy()
            except TerraformError as problem:
                problems.append(problem)
        if problems:
            # The other modules have been destroyed all the same.
            raise problems[0]

    def _beginning(self, path: str | Path) -> tuple[Path, str, Progress]:
        name = re.sub(r"[^a-z0-9-]+", "-", f"{self._node.name}-{Path(path).name}-{self._count}".lower())
        self._count += 1
        return self._config.rootpath / path, name.strip("-"), Progress(str(path), self._write)

    def _prepare(
        self,
        path: str | Path,
        variables: Mapping[str, object],
        remote_states: Mapping[str, Mapping[str, object]] | None,
    ) -> Terraform:
        return self._prepared(*self._beginning(path), variables, remote_states)

    def _prepared(
        self,
        source: Path,
        name: str,
        progress: Progress,
        variables: Mapping[str, object],
        remote_states: Mapping[str, Mapping[str, object]] | None,
    ) -> Terraform:
        return prepare(
            self._target,
            source,
            name=name,
            variables=variables,
            listener=progress.hear,
            remote_states=remote_states,
            say=progress.say,
            base=self._config.rootpath,
        )
