"""One step in the making: a working copy of a task's state, and the effects decided so far."""

from __future__ import annotations

from dataclasses import replace

from .effects import AnnounceState, Effect, Step
from .state import STATUSES, Awaited, Container, StopCode, TaskState, TaskStatus, TaskTiming


class Ignored(Exception):
    """An event that changes nothing; the message says why. Raised before anything is changed."""


class Turn:
    """The guards and the changes that transitions are made of."""

    def __init__(self, state: TaskState, now: float, timing: TaskTiming) -> None:
        self.state = state
        self.now = now
        self.timing = timing
        self.effects: list[Effect] = []

    def result(self) -> Step:
        return Step(self.state, tuple(self.effects))

    # Guards: they change nothing -------------------------------------------------------------------------------

    def _container(self, name: str) -> Container:
        container = self.state.container(name)
        if container is None:
            raise Ignored(f"the task has no container {name}")
        return container

    def _starting(self, name: str) -> Container:
        container = self._container(name)
        if not container.starting:
            raise Ignored(f"container {name} is not being started")
        return container

    # Changes ---------------------------------------------------------------------------------------------------

    def _received(self, answer: Awaited) -> None:
        """Take note of an answer; it is ignored unless the task waits for it."""
        if self.state.awaited != answer:
            raise Ignored(f"the task waits for {self.state.awaited or 'nothing'}, not for {answer}")
        self.state = replace(self.state, awaited=None)

    def _await(self, answer: Awaited, effect: Effect) -> None:
        self.state = replace(self.state, awaited=answer)
        self.effects.append(effect)

    def _put(self, container: Container) -> None:
        containers = tuple(
            container if current.name == container.name else current for current in self.state.containers
        )
        self.state = replace(self.state, containers=containers)

    def _announce(self) -> None:
        self.state = replace(self.state, version=self.state.version + 1)
        self.effects.append(AnnounceState(self.state))

    def _move(self, status: TaskStatus) -> None:
        assert STATUSES.index(status) > STATUSES.index(self.state.last_status), (self.state.last_status, status)
        self.state = replace(self.state, last_status=status)
        self._announce()

    def _mark_stopping(self, code: StopCode, reason: str) -> None:
        self.state = replace(
            self.state, desired_status="STOPPED", stop_code=code, stopped_reason=reason, stopping_at=self.now
        )
