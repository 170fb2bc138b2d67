"""Applies of several configurations that do not depend on each other: inits in turn, applies side by side.

Inits take turns because Terraform's plugin cache "is not guaranteed to be concurrency safe":
https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushproof.base.origin import shown
from pushproof.terraform.applied import apply_prepared, clean_up_after
from pushproof.terraform.driver import Backend, PlanListener, Terraform
from pushproof.terraform.errors import TerraformError

# Seconds for Terraform to write its state and release its lock after Ctrl-C.
_PATIENCE = 60.0


class SharedState(TerraformError):
    """Two configurations that are applied side by side keep their state at one place."""


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """A module to apply: its path, and what `applied.module` was called with; `applied.together` applies it."""

    path: str | Path
    backend: Backend
    remote_states: Mapping[str, Mapping[str, object]] | None
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Run:
    """A prepared configuration, and the settings of its backend."""

    terraform: Terraform
    backend: Backend = None


def apply_together(runs: Sequence[Run], *, disposable: bool = False, clean_up: bool = True) -> None:
    """Init and apply configurations that do not depend on each other; each apply begins after its own init.

    After a failure no further apply begins, and those that run go on to their end. The failure that came first is raised; the
    others are notes on it. With `clean_up`, what all of them made is destroyed before, as `clean_up_after` does it.

    Raises what `init` and `apply` raise, and SharedState.
    """
    if len(runs) == 1:
        # In this thread, which Ctrl-C reaches.
        apply_prepared(runs[0].terraform, runs[0].backend, disposable=disposable, clean_up=clean_up)
        return
    applies, listening = _Applies(), threading.Lock()
    try:
        for run in runs:
            if applies.have_failed():
                break
            terraform = run.terraform
            if terraform.announce is not None:
                terraform.announce = _in_turn(listening, terraform.announce)
            terraform.init(backend=run.backend)
            _require_own_state(terraform, applies.begun)
            applies.begin(terraform)
        applies.wait()
    except BaseException as error:
        applies.end(error)
        if clean_up:
            for terraform in reversed(applies.begun):
                clean_up_after(terraform, error, disposable=disposable)
        raise


@dataclass(slots=True)
class _Applies:
    """Applies in threads of their own."""

    begun: list[Terraform] = field(default_factory=list)
    _ended: queue.SimpleQueue[tuple[Terraform, BaseException | None]] = field(default_factory=queue.SimpleQueue)
    _alive: int = 0
    _first: BaseException | None = None

    def begin(self, terraform: Terraform) -> None:
        self.begun.append(terraform)
        self._alive += 1
        threading.Thread(target=self._apply, args=(terraform,), name="pushproof-apply", daemon=True).start()

    def _apply(self, terraform: Terraform) -> None:
        try:
            terraform.apply()
        except BaseException as error:
            self._ended.put((terraform, error))
        else:
            self._ended.put((terraform, None))

    def have_failed(self) -> bool:
        """Return whether an apply has failed so far."""
        while not self._ended.empty():
            self._take(*self._ended.get())
        return self._first is not None

    def wait(self) -> None:
        """Wait for the end of every apply. Raises the failure that came first."""
        while self._alive:
            self._take(*self._ended.get())
        if self._first is not None:
            raise self._first

    def end(self, error: BaseException) -> None:
        """Wait for what still runs after `error`; on Ctrl-C Terraform gets the same, and is killed if it does not end."""
        if self._first is None:
            self._first = error
        try:
            if isinstance(error, KeyboardInterrupt):
                self._signal(signal.SIGINT)
                deadline = time.monotonic() + _PATIENCE
                while self._alive:
                    self._take(*self._ended.get(timeout=max(deadline - time.monotonic(), 0.0)))
            while self._alive:
                self._take(*self._ended.get())
        except (queue.Empty, KeyboardInterrupt):
            self._signal(signal.SIGKILL)
            raise error from None

    def _take(self, terraform: Terraform, error: BaseException | None) -> None:
        self._alive -= 1
        if error is None or error is self._first:
            return
        if self._first is None:
            self._first = error
        elif not isinstance(self._first, KeyboardInterrupt):
            place = shown(terraform.copy.source, terraform.base)
            self._first.add_note(f"{place}, which was applied at the same time, failed too: {error}")

    def _signal(self, sign: signal.Signals) -> None:
        for terraform in self.begun:
            terraform.signal(sign)


def _in_turn(lock: threading.Lock, announce: PlanListener) -> PlanListener:
    """Return a listener for one plan at a time: costs are added up."""

    def listen(changes: list[dict[str, Any]]) -> None:
        with lock:
            announce(changes)

    return listen


def _require_own_state(terraform: Terraform, others: Sequence[Terraform]) -> None:
    place = terraform.state_place()
    for other in others:
        if other.state_place() == place:
            names = " and ".join(sorted({shown(each.copy.source, each.base) for each in (other, terraform)}))
            raise SharedState(
                f"{names} keep their state at one place ({place}), so that they cannot be applied side by side: give each a "
                "state of its own (`backend=`), or apply one after the other"
            )
