"""Applies side by side: their order, their failures, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pushproof.terraform.together import Run, SharedState, apply_together


class _Terraform:
    """A configuration that notes its commands; `during` is its apply."""

    def __init__(self, name: str, happened: list[str], during: Callable[[], None] = lambda: None) -> None:
        self._name, self._happened, self._during = name, happened, during
        self.copy, self.base = SimpleNamespace(source=Path("/tree") / name), Path("/tree")
        self.announce: Any = None
        self.place = name
        self.ended = threading.Event()
        self.failing_init: Exception | None = None

    def init(self, backend: object) -> None:
        self._happened.append(f"init {self._name}")
        if self.failing_init is not None:
            raise self.failing_init

    def apply(self) -> None:
        if self.announce is not None:
            self.announce([])
        try:
            self._during()
            self._happened.append(f"applied {self._name}")
        finally:
            self.ended.set()

    def destroy(self) -> None:
        self._happened.append(f"destroy {self._name}")

    def state_place(self) -> str:
        return self.place

    def signal(self, sign: signal.Signals) -> None:
        self._happened.append(f"{sign.name} {self._name}")
        self.interrupted.set()

    interrupted = threading.Event()


def runs(*terraforms: _Terraform) -> list[Run]:
    values: list[Any] = list(terraforms)
    return [Run(value) for value in values]


@pytest.fixture
def happened() -> list[str]:
    return []


def test_the_failure_that_came_first_is_raised(happened: list[str]) -> None:
    """A later failure is a note on the first, whichever is named first; then everything is destroyed, last first."""
    first_failed = threading.Event()

    def fail_later() -> None:
        assert first_failed.wait(30)
        raise OSError("later")

    def fail_first() -> None:
        first_failed.set()
        raise OSError("first")

    early = _Terraform("early", happened, fail_first)

    def fail_after_the_other() -> None:
        assert early.ended.wait(30)
        fail_later()

    with pytest.raises(OSError, match="first") as caught:
        apply_together(runs(_Terraform("late", happened, fail_after_the_other), early))
    assert caught.value.__notes__ == ["late, which was applied at the same time, failed too: later"]
    assert happened[-2:] == ["destroy early", "destroy late"]


def test_a_failing_init_waits_for_those_that_run(happened: list[str]) -> None:
    """An apply that has begun ends, and is destroyed; none begins after the failing init."""
    going, failing, never = (_Terraform(name, happened) for name in ("going", "failing", "never"))
    failing.failing_init = ValueError("no such backend")
    with pytest.raises(ValueError, match="no such backend"):
        apply_together(runs(going, failing, never))
    assert [line for line in happened if "applied" not in line] == ["init going", "init failing", "destroy going"]
    assert "applied going" in happened


def test_without_cleaning_up_everything_stays(happened: list[str]) -> None:
    """A caller that goes back to a kept world has nothing destroyed."""

    def fail() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        apply_together(runs(_Terraform("one", happened), _Terraform("two", happened, fail)), clean_up=False)
    assert not [line for line in happened if line.startswith("destroy")]


def test_one_state_for_two_is_refused(happened: list[str]) -> None:
    """Two configurations with one place for their states would write over each other."""
    one, two = _Terraform("one", happened), _Terraform("two", happened)
    one.place = two.place = "s3://states/key"
    with pytest.raises(SharedState, match=r"one and two keep their state at one place \(s3://states/key\)"):
        apply_together(runs(one, two))
    assert "applied two" not in happened


def test_plans_are_announced_in_turn(happened: list[str]) -> None:
    """A listener that adds up costs gets one plan at a time."""
    inside = threading.Semaphore(1)
    entered: list[bool] = []

    def listen(_: object) -> None:
        entered.append(inside.acquire(blocking=False))
        inside.release()

    terraforms = [_Terraform(str(number), happened) for number in range(8)]
    for terraform in terraforms:
        terraform.announce = listen
    apply_together(runs(*terraforms))
    assert entered == [True] * 8


def test_an_interrupt_reaches_every_apply(happened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On Ctrl-C every running command gets the same; the interrupt is raised when all have ended."""
    _Terraform.interrupted = threading.Event()

    def until_interrupted() -> None:
        assert _Terraform.interrupted.wait(30)
        raise OSError("interrupted")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    terraforms = [_Terraform(name, happened, until_interrupted) for name in ("one", "two")]
    monkeypatch.setattr("pushproof.terraform.together._Applies.wait", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        apply_together(runs(*terraforms), disposable=True)
    assert happened == ["init one", "init two", "SIGINT one", "SIGINT two"]
    assert not hasattr(caught.value, "__notes__")
    assert all(terraform.ended.is_set() for terraform in terraforms)
